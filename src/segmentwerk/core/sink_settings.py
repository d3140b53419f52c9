"""What a tool of sales or marketing takes: its files, their columns, forms and limits."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from segmentwerk.core.activation_settings import Channel
from segmentwerk.core.errors import nearest
from segmentwerk.core.settings import Settings


def _encodable(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("no such encoding; for instance utf-8, utf-8-sig or cp1252") from None
    return name


def _plain(name: str) -> str:
    if not name or name.startswith(".") or any(letter in name for letter in "/\\:"):
        raise ValueError("it becomes the name of a folder or file: letters, digits, - and _")
    return name


FileName = Annotated[str, AfterValidator(_plain)]


class SinkFileSettings(Settings):
    """One file or table that a tool imports, and how our columns become its own.

    ``columns`` maps their column to a DuckDB SQL expression over ours: those of the table ``accounts``, of
    the segment, and of the measures (docs/how-to/sinks.md); ``where`` chooses the rows.
    """

    required: bool = True
    """Whether the sink is refused where the source does not hold the key; if not, there is no such file."""
    format: Literal["csv", "xlsx", "table"] = "csv"
    rows: Literal["accounts", "measures"] = "accounts"
    """One row an account, its measures joined; or one row a measure of an account."""
    everyone: bool = False
    """Whether accounts without a measure stand in it, too, with their segment."""
    channels: list[Channel] = Field(default_factory=lambda: list(get_args(Channel)))
    """Only measures by these channels go into it."""
    reachable_by: Channel | None = None
    """Only accounts that may be addressed by this channel stand in it."""
    where: str | None = None
    key: list[str] = Field(min_length=1)
    """Their columns by which the tool finds a record again."""
    columns: dict[str, str] = Field(min_length=1)
    optional: list[str] = Field(default_factory=list)
    """Their columns that are left out, not refused, where ours is absent."""
    removed: dict[str, str] = Field(default_factory=dict)
    """What a record that no longer belongs here gets in their columns: most tools ignore blanks."""
    change: str | None = None
    """Their column that says new, changed or removed."""
    separator: str = "; "
    """Between several measures of one account."""
    replace: str | None = None
    """Regular expression of the characters that the tool cannot take; a blank stands for them."""
    encoding: Annotated[str, AfterValidator(_encodable)] = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    line_end: Literal["\n", "\r\n"] = "\n"
    date_format: str = "%Y-%m-%d"
    max_rows: int | None = Field(default=None, ge=1)
    """Rows in one file, the header not counted; more go into a further file."""
    max_bytes: int | None = Field(default=None, ge=1000)
    max_columns: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=1)
    """Characters in one cell; a longer one is refused."""

    @model_validator(mode="after")
    def _agree(self) -> SinkFileSettings:
        known = {*self.columns, *([self.change] if self.change else [])}
        for given in (self.key, self.optional, self.removed):
            for name in given:
                if name not in known:
                    raise ValueError(f"{name!r} is none of its columns ({nearest(name, known)})")
        if self.max_columns is not None and len(known) > self.max_columns:
            raise ValueError(f"{len(known)} columns are more than max_columns={self.max_columns}")
        return self


class SinkSettings(Settings):
    """One tool that takes segments and measures: its files, and how they are written."""

    name: FileName
    description: str = ""
    url: str | None = None
    """Of the warehouse, where a file is a table there."""
    currency: str | None = None
    """The tool's currency; null: that of the source."""
    full: bool = False
    """Whether files hold all rows instead of what changed since the last export."""
    files: dict[FileName, SinkFileSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_address(self) -> SinkSettings:
        if self.url is None and any(file.format == "table" for file in self.files.values()):
            raise ValueError(
                "a table needs an address: sink.url=postgres://USER@HOST/DATABASE or duckdb://FILE"
            )
        return self
