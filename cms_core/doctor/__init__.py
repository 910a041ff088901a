"""What is wrong with a workspace, found by one plain function for each thing that is looked at."""

from cms_core.doctor.checks import examine
from cms_core.doctor.findings import Finding, Grade, has_error

__all__ = ["Finding", "Grade", "examine", "has_error"]
