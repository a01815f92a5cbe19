"""What a recorded run is: its fields, their axes and meaning, checks, attribution, and the words.

A record is a dict of arrays. `FIELDS` is the table of what is in it; `check_record` says whether
one fits. Needs NumPy alone.
"""

from nnscratch_records.check import Record, check_record
from nnscratch_records.errors import RecordError
from nnscratch_records.field import AXES, Field
from nnscratch_records.fields import DERIVED, FIELDS, FORMAT, STATES, field_named, histogram_edges
from nnscratch_records.formats import upgraded
from nnscratch_records.recurrent import LAGS
from nnscratch_records.roles import PARAM_ROLES, ROLES, UNTOLD, WEIGHTED

__all__ = [
    "AXES",
    "DERIVED",
    "FIELDS",
    "FORMAT",
    "LAGS",
    "PARAM_ROLES",
    "ROLES",
    "STATES",
    "UNTOLD",
    "WEIGHTED",
    "Field",
    "Record",
    "RecordError",
    "check_record",
    "field_named",
    "histogram_edges",
    "upgraded",
]
