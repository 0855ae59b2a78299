"""What keeps a value after its first use."""

from __future__ import annotations

from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names

# Decorators that keep what a function returned, by its arguments.
CACHING_DECORATORS = frozenset(
    "functools.lru_cache functools.cache cachetools.cached cachetools.func.lru_cache cachetools.func.ttl_cache "
    "joblib.Memory.cache streamlit.cache_data methodtools.lru_cache".split()
)
# Makers of objects whose method `cache` decorates so.
CACHES = frozenset("joblib.Memory joblib.memory.Memory diskcache.Cache".split())
CACHING_METHODS = frozenset("cache memoize".split())

# tf.data, all versions: methods of a Dataset that give another Dataset of the same elements, or of made ones.
CHAIN = frozenset(
    "map batch shuffle prefetch repeat take skip filter unbatch padded_batch with_options enumerate shard window "
    "interleave flat_map concatenate apply cache ragged_batch rebatch assert_cardinality ignore_errors".split()
)
TENSORFLOW = frozenset("tensorflow tensorflow_datasets keras tensorflow_io".split())
# They keep every element after the first pass: `cache` in memory or in a file, the others in files.
KEEPS_ELEMENTS = all_names(What.KEEPS_ELEMENTS)

# Hugging Face datasets: what loads or makes a data set whose `map` runs once and is kept in Arrow files.
KEPT_DATASETS = all_names(What.KEPT_DATASET)
KEPT_METHODS = frozenset(
    "map filter select shuffle sort train_test_split rename_column rename_columns remove_columns cast cast_column "
    "with_format flatten select_columns shard add_column class_encode_column".split()
)
