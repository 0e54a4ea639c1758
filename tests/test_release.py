"""What a release is made of says one thing: versions, bounds, links and workflows."""

import re
import tomllib
from pathlib import Path

import pytest

import skmdn

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).resolve().parents[1]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


PYPROJECT = tomllib.loads(read("pyproject.toml"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
RECIPE = yaml.safe_load(read("conda/recipe.yaml"))
CITATION = yaml.safe_load(read("CITATION.cff"))
WORKFLOWS = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
JOBS = [
    pytest.param(job, id=f"{workflow}-{name}")
    for workflow, content in WORKFLOWS.items()
    for name, job in content["jobs"].items()
]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}

# Hosts that the users of a released package meet anyway.
HOSTS = {"download.pytorch.org", "github.com", "pypi.org", "skmdn.readthedocs.io"}
RELEASE_FILES = [
    *("pyproject.toml", "CITATION.cff", "conda/recipe.yaml", ".readthedocs.yaml"),
    *(file.relative_to(ROOT).as_posix() for file in sorted((ROOT / ".github").rglob("*.yml"))),
    *(file.relative_to(ROOT).as_posix() for file in sorted((ROOT / ".ci").glob("*"))),
]


def bounds(*requirements, sign=">="):
    """Lower bounds by name, without extras."""
    parts = (re.fullmatch(rf"([\w-]+)(?:\[\S+\])? ?{sign}(\S+)", one) for one in requirements)
    return {part[1]: part[2] for part in parts}


def in_conda(*requirements):
    return {CONDA_NAMES.get(name, name): bound for name, bound in bounds(*requirements).items()}


def pythons():
    """Versions of Python that are promised, the oldest first."""
    pattern = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    return [found[1] for found in map(pattern.fullmatch, PROJECT["classifiers"]) if found]


def steps(job, key):
    return [step[key] for step in job["steps"] if key in step]


def test_floors_are_the_lower_bounds():
    own, *test = EXTRAS["test"]
    assert own == "skmdn[dask]"
    pinned = [line for line in read(".ci/floors.txt").splitlines() if "==" in line]
    floors = bounds(*pinned, sign="==")
    assert floors == bounds(*PROJECT["dependencies"], *EXTRAS["dask"], *test)
    users = bounds(*EXTRAS["dask"], *EXTRAS["onnx"], *EXTRAS["plot"])
    assert users.items() <= floors.items()


def test_the_recipe_has_the_bounds_of_the_package():
    assert RECIPE["context"] == {"version": skmdn.__version__, "python_min": pythons()[0]}
    python, *run = RECIPE["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert bounds(*run) == in_conda(*PROJECT["dependencies"])
    extras = (*EXTRAS["dask"], *EXTRAS["onnx"], *EXTRAS["plot"])
    assert bounds(*RECIPE["requirements"]["run_constraints"]) == in_conda(*extras)


def test_the_recipe_builds_the_released_source():
    python, pip, *host = RECIPE["requirements"]["host"]
    assert (python, pip) == ("python ${{ python_min }}.*", "pip")
    assert bounds(*host) == bounds(*PYPROJECT["build-system"]["requires"])
    assert RECIPE["build"]["noarch"] == "python"
    assert RECIPE["source"]["url"].startswith("https://pypi.org/packages/source/s/skmdn/")
    (test,) = RECIPE["tests"]
    assert test["python"]["imports"] == ["skmdn"]
    assert test["python"]["pip_check"]
    assert (ROOT / RECIPE["about"]["license_file"]).exists()


def test_the_citation_is_of_this_version():
    assert CITATION["version"] == skmdn.__version__
    assert CITATION["license"] == RECIPE["about"]["license"] == PROJECT["license"]
    assert CITATION["keywords"] == PROJECT["keywords"]
    assert CITATION["repository-code"] == PROJECT["urls"]["Source"]
    assert CITATION["url"] == PROJECT["urls"]["Homepage"]
    assert [author["name"] for author in PROJECT["authors"]] == [
        author["name"] for author in CITATION["authors"]
    ]


def test_the_readme_on_pypi_leads_to_files_of_this_version():
    text = read("README.md")
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for change in hook["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    links = re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", text)
    assert len(links) == read("README.md").count("](") > 10
    source = PROJECT["urls"]["Source"]
    for mark, link in links:
        kind = "raw" if mark else "blob"
        if link.startswith(source):
            start, path = link.split("/v$HFPR_VERSION/")
            assert start == f"{source}/{kind}"
            assert (ROOT / path).exists()
        else:
            assert link.startswith(("#", "https://"))


def test_what_the_tests_read_is_in_the_source_distribution():
    packed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    for name in (*RELEASE_FILES, *(path.name for path in ROOT.glob("*.md"))):
        assert name.split("/")[0] in {*packed, "pyproject.toml"}, name
    assert all((ROOT / name).exists() for name in packed)


def test_pythons_are_those_of_the_checks():
    assert PROJECT["requires-python"] == f">={pythons()[0]}"
    assert pythons() == [f"3.{11 + step}" for step in range(len(pythons()))]
    oldest, newest = WORKFLOWS["ci"]["jobs"]["checks"]["strategy"]["matrix"]["include"]
    assert (oldest["python"], oldest["constraints"]) == (pythons()[0], ".ci/floors.txt")
    assert (newest["python"], newest["constraints"]) == (pythons()[-1], "/dev/null")


def test_checks_and_site_are_run_as_in_the_checkout():
    assert "bash .ci/run" in steps(WORKFLOWS["ci"]["jobs"]["checks"], "run")
    assert "python .ci/smoke.py" in steps(WORKFLOWS["ci"]["jobs"]["smoke"], "run")
    (site,) = re.findall(r"^(python -m sphinx .* docs) ", read(".ci/run"), re.MULTILINE)
    assert f"{site} site" in steps(WORKFLOWS["docs"]["jobs"]["site"], "run")
    for file in re.findall(r"(?<= )\.ci/[\w.]+", "".join(map(read, RELEASE_FILES))):
        assert (ROOT / file).exists(), file


@pytest.mark.parametrize("job", JOBS)
def test_actions_are_pinned_and_jobs_end(job):
    for action in steps(job, "uses"):
        assert re.search(r"@(release/)?v\d+$", action), action
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
    assert job["timeout-minutes"] <= 90


def test_only_the_publishing_job_may_do_more_than_read():
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}
        for title, job in workflow["jobs"].items():
            if (name, title) != ("publish", "publish"):
                assert "permissions" not in job
    publish = WORKFLOWS["publish"]["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert WORKFLOWS["publish"][True] == {"release": {"types": ["published"]}}  # YAML 1.1: on
    assert "twine check --strict dist/*" in steps(WORKFLOWS["publish"]["jobs"]["build"], "run")
    # It runs nothing of the checkout: no code but the action sees the token.
    assert [action.split("@")[0] for action in steps(publish, "uses")] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert steps(publish, "run") == []


@pytest.mark.parametrize("name", RELEASE_FILES)
def test_hosts_are_public_ones_that_users_need(name):
    assert {*re.findall(r"https?://([^/\s\"']+)", read(name))} <= HOSTS
