"""Everyday tables for everyday.py: rows, splits, and the forms in which models get them."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

MISSING = ["NA", ""]  # other texts, such as "None", are values


@dataclass(frozen=True)
class Data:
    """Rows of one set."""

    name: str
    table: pd.DataFrame  # (n, p)
    y: np.ndarray  # (n,)
    is_ordered: bool

    @property
    def text(self) -> list[str]:
        return [c for c in self.table if not pd.api.types.is_numeric_dtype(self.table[c])]

    def splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Training and test rows: the last fifth where rows are in order, else random ones."""
        n = len(self.y)
        if self.is_ordered:
            return [tuple(np.split(np.arange(n), [int(0.8 * n)]))]
        share = 0.8 if n < 150 else 0.9
        limits = {150: 20, 700: 10, 2000: 4, 5000: 2}  # the fewer rows, the more splits
        n_splits = next((number for limit, number in limits.items() if n < limit), 1)
        rng = np.random.RandomState(1)
        return [tuple(np.split(rng.permutation(n), [round(share * n)])) for _ in range(n_splits)]

    def with_gaps(self, share: float, *seeds: int) -> pd.DataFrame:
        """The table with that share of its cells emptied at random."""
        if not share:
            return self.table
        return self.table.mask(np.random.default_rng(seeds).random(self.table.shape) < share)


def read_table(file: Path, is_ordered: bool, **settings: Any) -> Data:
    """A set; its text columns become categories."""
    table = pd.read_csv(file, keep_default_na=False, na_values=MISSING, **settings)
    y = table.pop(table.columns[-1]).to_numpy(float)
    data = Data(file.stem, table, y, is_ordered)
    return Data(file.stem, table.astype(dict.fromkeys(data.text, "category")), y, is_ordered)


# Forms of the table: what a model gets.


def encoded(numbers: Any, train: pd.DataFrame, test: pd.DataFrame, text: list[str]) -> tuple:
    """Text one-hot, rare levels together; the transformer `numbers` for the other columns."""
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=max(5, len(train) // 200),
        sparse_output=False,
    )
    others = [column for column in train if column not in text]
    encoder = make_column_transformer((numbers, others), (one_hot, text))
    with warnings.catch_warnings():  # of levels that only the test has
        warnings.simplefilter("ignore", UserWarning)
        return encoder.fit_transform(train), encoder.transform(test)


def matrix(train: pd.DataFrame, test: pd.DataFrame, text: list[str]) -> tuple:
    return encoded(SimpleImputer(strategy="median", add_indicator=True), train, test, text)


def imputed(train: pd.DataFrame, test: pd.DataFrame, text: list[str]) -> tuple:
    return encoded(SimpleImputer(add_indicator=True), train, test, text)


def straight(train: pd.DataFrame, test: pd.DataFrame, text: list[str]) -> tuple:
    """Text one-hot, gaps of numbers as NaN."""
    return encoded("passthrough", train, test, text)


def raw(train: pd.DataFrame, test: pd.DataFrame, text: list[str]) -> tuple:
    return train, test


FORMS = {form.__name__: form for form in (matrix, imputed, straight, raw)}
