"""Score published networks on P3M-10k, beside what was published:

    python examples/reproduce_p3m.py P3M-10k p3m-r34=p3mnet_pretrained_on_p3m10k.pth p3m-vitae-s=P3M-Net_ViTAE-S_trained_on_P3M-10k.pth
    python examples/reproduce_p3m.py P3M-10k gca=gca:gca.onnx fba=fba:fba.onnx

Before the = stands a row of the table (`p3mvideo.evaluation.published_results.PUBLISHED`), behind it a model as `p3mvideo evaluate` takes them.
Networks must have been trained on blurred images. What was scored is kept in reproduction/, so that an interrupted run goes on.
"""

import sys
from pathlib import Path

import p3mvideo
from p3mvideo.evaluation.methods.make_method import method_name
from p3mvideo.evaluation.published_results import PUBLISHED, Scores, comparison
from p3mvideo.options import EvaluationOptions

METRICS = ("sad", "mse", "sad_t", "mse_t")


def reproduce(data: Path, models: dict[str, str], output: Path = Path("reproduction")) -> str:
    """Return the comparison as Markdown."""
    unknown = models.keys() - PUBLISHED.keys()
    if unknown:
        sys.exit(f"there is no row {', '.join(unknown)}; rows are {', '.join(PUBLISHED)}")
    keys = {method_name(model): key for key, model in models.items()}
    reproduced = {}
    for split in ("P3M-500-P", "P3M-500-NP"):
        options = EvaluationOptions(split=split, strategy="resize", metric=METRICS, worst=0)
        report = p3mvideo.evaluate(data, model=list(models.values()), output=output / split, options=options)
        for failure in report.failures:
            print(f"{split}: {failure.name} was not scored: {failure.message}", file=sys.stderr)
        for record in report.summary["results"]:
            key = keys[record["method"]]
            reproduced[key, split] = Scores(*(record[metric]["mean"] for metric in PUBLISHED[key].metrics))
    return comparison(reproduced)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    print(reproduce(Path(sys.argv[1]), {row: model for row, _, model in (argument.partition("=") for argument in sys.argv[2:])}))
