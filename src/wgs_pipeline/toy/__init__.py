"""A seeded toy genome project: reference, family, truth, reads and sheets.

``make_project`` writes a project directory; ``make_cohort`` gives its truth in memory.
"""

from wgs_pipeline.toy.cohort import make_cohort
from wgs_pipeline.toy.project import ToyProject, make_project

__all__ = ["ToyProject", "make_cohort", "make_project"]
