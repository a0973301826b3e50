"""Decides which statements may be sent to a replica: only those that are certain to read.

That is decided twice: by what a statement is made of, before a connection is chosen, and by the very text that is about
to be sent, which SQLAlchemy has by then completed with column properties, custom types, hints and loader options.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ClauseElement, TextClause
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions of PostgreSQL that change nothing and take no lock. Any other may write: nobody can tell from its name.
HARMLESS: Final = _words(
    """
    abs age any_value array_agg array_append array_cat array_length array_lower array_position array_prepend
    array_remove array_to_string array_upper ascii avg bit_and bit_or bool_and bool_or btrim cardinality ceil
    ceiling char_length character_length chr clock_timestamp coalesce concat concat_ws corr count covar_pop
    covar_samp cume_dist current_date current_time current_timestamp date_bin date_part date_trunc decode dense_rank
    div encode every exp extract first_value floor format gen_random_uuid generate_series greatest initcap isfinite
    json_agg json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
    json_each json_each_text json_extract_path json_extract_path_text json_object_agg json_object_keys json_typeof
    jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
    jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object_agg
    jsonb_object_keys jsonb_path_exists jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty
    jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours
    justify_interval lag last_value lead least left length ln localtime localtimestamp log lower lpad ltrim
    make_date make_interval make_time make_timestamp make_timestamptz max md5 min mod mode now nth_value ntile
    nullif num_nonnulls num_nulls octet_length overlay percent_rank percentile_cont percentile_disc phraseto_tsquery
    plainto_tsquery position power quote_ident quote_literal random rank regexp_count regexp_instr regexp_like
    regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_substr repeat replace reverse right
    round row_number row_to_json rpad rtrim sha256 sign similarity split_part sqrt starts_with statement_timestamp
    stddev stddev_pop stddev_samp string_agg string_to_array strpos substr substring sum timezone to_char to_date
    to_hex to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim trunc
    ts_headline ts_rank ts_rank_cd unnest upper var_pop var_samp variance version websearch_to_tsquery width_bucket
    """
)

# Words before a parenthesis that are no calls: of the grammar, and of types.
_GRAMMAR: Final = _words(
    """
    all and any array as between by case cast cube distinct else except exists filter from group grouping having
    ilike in intersect is join lateral like limit materialized not offset on or over row rollup select sets similar
    some then union using values when where with within
    bit char character decimal float interval numeric time timestamp varchar varying
    """
)
_NAMES_COLUMNS: Final = frozenset({"as", "with", "recursive"})  # WITH RECURSIVE t(n), AS t(a, b)
# for: FOR UPDATE, FOR SHARE. uescape: it stands between a name that may be anything and its parenthesis.
_WRITING: Final = frozenset({"insert", "update", "delete", "merge", "into", "for", "uescape"})

# What may stand before a statement: comments that do not nest, as sqlcommenter's. Nothing of a string or of a line
# comment can be taken for one there: its quote, or its dashes, would be left.
_BEFORE: Final = re.compile(r"(?:\s|/\*(?:(?!/\*|\*/).)*+\*/)*+", re.DOTALL)

_declared: set[str] = set()
_verdicts: dict[Any, bool] = {}  # by SQLAlchemy's cache key of a statement
_MOST_VERDICTS: Final = 1024


def declare_harmless(*functions: str) -> None:
    """Have calls of functions of one's own go to replicas, by unqualified name: they change nothing and lock nothing.

    For the whole process. What writes all the same, a replica refuses, and it is done on the primary.
    """
    _declared.update(name.lower() for name in functions)
    forget()


def forget() -> None:
    """Judge every statement anew."""
    only_reads.cache_clear()
    _verdicts.clear()


# The part of SQL's spelling that can be read without knowing the server's settings. A backslash, a dollar quote, a
# comment or a semicolon is in none of these, and what is not understood is not certain.
_TOKEN: Final = re.compile(
    r"""
      \s+
    | '(?:[^'\\]|'')*'                    # a string
    | %\([\w -]+\)s | :: | :\w+           # a bind, a cast
    | [^\W\d]\w* | "(?:[^"]|"")+"         # a name
    | \d+(?:\.\d+)?(?:[eE][-+]?\d+)?     # a number
    | [-+*/<>=~!@\#%^&|?]+                # an operator
    | [][(),.:]
    """,
    re.VERBOSE,
)


def may_read_from_replica(statement: ClauseElement) -> bool:
    """Whether a statement, as it was built, is a SELECT of tables, operators and harmless functions, without a lock.

    Text, alone or inside a construct, is checked by its tokens.
    """
    if isinstance(statement, TextClause):
        return only_reads(statement.text)
    if not getattr(statement, "is_select", False):
        return False
    # As SQLAlchemy caches what it compiled, which is of use to the execution that follows: it keeps the key.
    key = statement._generate_cache_key()
    if key is None:
        return _is_certain(statement)
    verdict = _verdicts.get(key.key)
    if verdict is None:
        if len(_verdicts) >= _MOST_VERDICTS:
            _verdicts.clear()
        verdict = _verdicts[key.key] = _is_certain(statement)
    return verdict


def _is_certain(statement: ClauseElement) -> bool:
    return not any(map(_uncertain, visitors.iterate(statement)))


def _uncertain(element: visitors.ExternallyTraversible) -> bool:
    found: Any = element
    if isinstance(found, FunctionElement):
        name = str(getattr(found, "name", "")).lower()
        return name not in HARMLESS and name not in _declared
    if isinstance(found, TextClause):
        return not _harmless(_tokens(found.text))
    if getattr(found, "is_literal", False):  # literal_column()
        return not _harmless(_tokens(found.name))
    return getattr(found, "is_dml", False) or getattr(found, "_for_update_arg", None) is not None


@lru_cache(maxsize=1024)
def only_reads(sql: str) -> bool:
    """Whether a text is one SELECT, with or without WITH, that calls only harmless functions and locks nothing."""
    tokens = _tokens(_bare(sql))
    return next((word.lower() for word in tokens if word != "("), "") in ("select", "with") and _harmless(tokens)


def _bare(sql: str) -> str:
    """A statement without what may stand around it: space, comments, and semicolons behind it."""
    found = _BEFORE.match(sql)
    begin, end = found.end() if found else 0, len(sql)
    while end > begin:
        if sql[end - 1].isspace() or sql[end - 1] == ";":
            end -= 1
            continue
        comment = sql.rfind("/*", begin, end - 2) if sql.endswith("*/", begin, end) else -1
        if comment < 0 or sql.find("*/", comment + 2, end - 2) >= 0:
            break
        end = comment
    return sql[begin:end]


def _harmless(tokens: list[str]) -> bool:
    different = set(tokens)  # ten thousand binds have a few words between them
    if any(token.lower() in _WRITING or "--" in token or "/*" in token for token in different):
        return False
    for at, (token, after) in enumerate(itertools.pairwise(tokens)):
        is_name = after == "(" and (token[0] in '"_' or token[0].isalnum())
        if is_name and not _calls_nothing(token.lower(), tokens[at - 1].lower() if at else ""):
            return False
    return tokens != []


def _calls_nothing(word: str, before: str) -> bool:
    if before in _NAMES_COLUMNS:
        return True
    return before != "." and (word in _GRAMMAR or word in HARMLESS or word in _declared)


def _tokens(sql: str) -> list[str]:
    """The tokens of an SQL text: words, marks and operators; none if a part of it is not understood."""
    found: list[str] = _TOKEN.findall(sql)
    if sum(map(len, found)) != len(sql):
        return []  # something between them was none
    return ["''" if token[0] == "'" else token for token in found if not token.isspace()]
