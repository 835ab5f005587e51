"""What two lessons ask of the batches of DigitSum."""

from nndl.dataset import digit_sum
from nndl.error import SettingError


def check_no_batch_of_one(batch_size: int) -> None:
    """Raise SettingError where DigitSum's last batch is one sequence, which has no variance to be normalised by."""
    if (100 * digit_sum.TRAIN_K) % batch_size == 1:
        raise SettingError(f"batch_size {batch_size}: expected one that leaves no batch of one on DigitSum")
