"""One self-contained HTML page about a run or a comparison, and a small one for notebooks.

The page's own parts are the files in `page`: hand-written HTML, CSS and JavaScript without any
library. Records are read as everywhere in `nnscratch_plots`.
"""

from nnscratch_plots.report.assembly import report_html, write_report
from nnscratch_plots.report.findings import findings_html
from nnscratch_plots.report.fragment import record_html

__all__ = ["findings_html", "record_html", "report_html", "write_report"]
