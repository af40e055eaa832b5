import json
from pathlib import Path

import pytest

from wgs_pipeline.errors import ReadsError
from wgs_pipeline.metrics.lanes import lane_metrics, read_lane_stats


def test_lanes_are_weighted_by_their_bases(tmp_path: Path) -> None:
    lanes = []
    for number, (bases, gc, adapter) in enumerate([(1000, 0.4, 10), (3000, 0.6, 0)]):
        path = tmp_path / f"{number}.json"
        report = {
            "summary": {"before_filtering": {"total_bases": bases, "gc_content": gc}},
            "adapter_cutting": {"adapter_trimmed_bases": adapter},
        }
        path.write_text(json.dumps(report))
        lanes.append(read_lane_stats(path))
    assert lane_metrics(lanes) == {
        "pct_adapter_bases": pytest.approx(0.25),
        "gc_content": pytest.approx(0.55),
    }


@pytest.mark.parametrize("text", ["", "[]", '{"summary": {}}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lane.json"
    path.write_text(text)
    with pytest.raises(ReadsError, match="not a fastp JSON report"):
        read_lane_stats(path)
