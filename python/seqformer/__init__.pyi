from seqformer import compat as compat
from seqformer import masks as masks
from seqformer import weights as weights
from seqformer._core import CheckpointError as CheckpointError
from seqformer._core import DataError as DataError
from seqformer._core import OutputError as OutputError
from seqformer._core import SeqformerError as SeqformerError
from seqformer._data import Checkup as Checkup
from seqformer._data import Conversion as Conversion
from seqformer._data import Statistics as Statistics
from seqformer._data import check as check
from seqformer._data import convert as convert
from seqformer._data import stats as stats
from seqformer._evaluation import Comparison as Comparison
from seqformer._evaluation import Evaluation as Evaluation
from seqformer._evaluation import compare as compare
from seqformer._evaluation import evaluate as evaluate
from seqformer._report import WrittenReport as WrittenReport
from seqformer._report import report as report
from seqformer._videos import Dataset as Dataset
from seqformer._video import Frame as Frame
from seqformer._videos import Results as Results
from seqformer._video import Track as Track
from seqformer._video import Video as Video
from seqformer._videos import load_annotations as load_annotations
from seqformer._videos import load_results as load_results

__version__: str
