"""What the libraries call their draws, seeds, augmentations and training steps.

Names are qualified names as imports give them. Only facts about public libraries stand here; what a
project's own functions do is found out by looking at them (:mod:`jitlint.semantics.project`).
"""

from __future__ import annotations

import functools
import re

from jitlint.libraries.generators import SEEDS_ALL

# ------------------------------------------------------------------------------------------------ draws

TORCH_DRAWS = frozenset(
    f"torch.{name}"
    for name in (
        "rand randn randint rand_like randn_like randint_like randperm normal bernoulli poisson multinomial"
    ).split()
)
PYTHON_DRAWS = frozenset(
    f"random.{name}"
    for name in (
        "random uniform randint randrange choice choices sample shuffle gauss normalvariate triangular "
        "betavariate expovariate gammavariate lognormvariate vonmisesvariate paretovariate getrandbits"
    ).split()
)
NUMPY_DRAWS = frozenset(
    f"numpy.random.{name}"
    for name in (
        "rand randn randint random random_sample ranf sample choice normal uniform standard_normal beta binomial "
        "poisson exponential gamma laplace lognormal multivariate_normal permutation shuffle random_integers "
        "dirichlet triangular multinomial rayleigh geometric gumbel logistic"
    ).split()
)
TENSORFLOW_DRAWS = frozenset(
    [
        *(
            f"tensorflow.random.{n}"
            for n in "normal uniform truncated_normal gamma poisson shuffle categorical".split()
        ),
        *(f"tensorflow.random.stateless_{n}" for n in "normal uniform truncated_normal".split()),
        *(f"tensorflow.{n}" for n in "random_normal random_uniform truncated_normal random_shuffle".split()),
        *(f"tensorflow.keras.backend.random_{n}" for n in "normal uniform".split()),
        *(f"keras.backend.random_{n}" for n in "normal uniform".split()),
        *(f"keras.random.{n}" for n in "normal uniform randint truncated_normal shuffle".split()),
    ]
)
JAX_DRAWS = frozenset(
    f"jax.random.{name}"
    for name in (
        "normal uniform randint bernoulli permutation choice truncated_normal gumbel categorical beta laplace "
        "exponential gamma poisson multivariate_normal shuffle"
    ).split()
)
DRAWS = TORCH_DRAWS | PYTHON_DRAWS | NUMPY_DRAWS | TENSORFLOW_DRAWS | JAX_DRAWS

# Methods that refill a tensor with draws, whatever it held.
# In-place methods after which nothing is left of the old values.
OVERWRITES = frozenset("copy_ fill_ zero_ set_".split())
REFILLS = frozenset("normal_ uniform_ random_ bernoulli_ exponential_ geometric_ log_normal_ cauchy_".split())
# Methods of random generators (numpy Generator and RandomState, random.Random).
GENERATOR_DRAWS = frozenset(
    "random uniform normal integers choice permutation permuted shuffle standard_normal beta binomial poisson rand "
    "randn randint random_sample gauss sample choices randrange laplace gamma exponential lognormal "
    "multivariate_normal normalvariate triangular dirichlet".split()
)
# Methods of distributions.
DISTRIBUTION_DRAWS = frozenset({"sample", "rsample", "sample_n"})

SHUFFLES = frozenset(
    "random.shuffle numpy.random.shuffle numpy.random.permutation torch.randperm sklearn.utils.shuffle "
    "tensorflow.random.shuffle jax.random.permutation random.sample".split()
)

# ----------------------------------------------------------------------------------- seeds, generators

SEEDS = SEEDS_ALL | frozenset(
    "torch.manual_seed torch.cuda.manual_seed torch.cuda.manual_seed_all torch.random.manual_seed numpy.random.seed "
    "random.seed tensorflow.random.set_seed tensorflow.set_random_seed keras.utils.set_random_seed "
    "tensorflow.keras.utils.set_random_seed pytorch_lightning.utilities.seed.seed_everything "
    "transformers.trainer_utils.set_seed torch.mps.manual_seed torch.xpu.manual_seed".split()
)
# They put a generator back to where it was.
RESTORES = re.compile(
    r"fork_rng|(?:set|restore|load|reset)_(?:rng|random|seed)_?state|setstate|(?:^|[._])set_state$|"
    r"(?:temp|temporary|isolated|scoped|preserve|keep)\w{0,60}_(?:seed|rng|random)|(?:seed|rng)\w{0,60}_(?:context|scope)"
)
# Arguments that hand a draw the generator, the key or the seed it draws from.
GENERATOR_ARGUMENTS = frozenset("generator rng random_state key seed".split())
# They give another number in each call.
VARYING = frozenset(
    "time.time time.time_ns time.perf_counter time.monotonic os.urandom os.getpid secrets.randbits secrets.randbelow "
    "uuid.uuid4 torch.initial_seed torch.seed torch.random.initial_seed torch.utils.data.get_worker_info "
    "datetime.datetime.now datetime.now".split()
)
GENERATORS = frozenset(
    "numpy.random.default_rng numpy.random.RandomState numpy.random.Generator numpy.random.PCG64 random.Random "
    "torch.Generator jax.random.PRNGKey jax.random.key tensorflow.random.Generator.from_seed "
    "tensorflow.random.Generator numpy.random.SeedSequence numpy.random.MT19937 numpy.random.Philox".split()
)

# -------------------------------------------------------------------------------------- augmentations

TRANSFORM_MODULES = (
    "torchvision.transforms.v2.functional",
    "torchvision.transforms.functional",
    "torchvision.transforms.v2",
    "torchvision.transforms",
    "torchvision.transforms.autoaugment",
    "kornia.augmentation",
    "albumentations",
    "monai.transforms",
    "torchaudio.transforms",
    "audiomentations",
    "torch_audiomentations",
    "torchio",
    "torchio.transforms",
    "imgaug.augmenters",
    "keras.layers",
    "tensorflow.keras.layers",
    "keras_cv.layers",
    "torch_geometric.transforms",
    "detectron2.data.transforms",
    "timm.data",
    "timm.data.mixup",
    "timm.data.random_erasing",
)
# Names in those modules whose objects draw on every call.
_RANDOM_TRANSFORM = re.compile(
    r"^(?:Rand[A-Z]\w*|Random\w+|ColorJitter|AutoAugment|RandAugment|TrivialAugmentWide|AugMix|ElasticTransform|"
    r"GaussianNoise|GaussianDropout|SpatialDropout\w*|MixUp|CutMix|Mixup|ScaleJitter|CutOut|Cutout|CoarseDropout|"
    r"HorizontalFlip|VerticalFlip|Flip|ShiftScaleRotate|Rotate|Affine|HueSaturationValue|RGBShift|GaussNoise|"
    r"ISONoise|MotionBlur|GridDistortion|OpticalDistortion|RandomizedRotation|AddGaussianNoise|AddGaussianSNR|"
    r"TimeStretch|PitchShift|TimeMasking|FrequencyMasking|SpecAugment|Fliplr|Flipud|AdditiveGaussianNoise|Jitter|"
    r"ChannelShuffle|GridShuffle|Perspective|Shift|Gain|PolarityInversion|SaltAndPepper|Mosaic)$"
)
# Of the names above, those that are deterministic unless the module is one of the random kind.
_ALWAYS_RANDOM_IN = ("albumentations", "audiomentations", "imgaug", "kornia", "torch_audiomentations")
_ONLY_THERE = re.compile(
    r"^(?:HorizontalFlip|VerticalFlip|Flip|Rotate|Affine|Shift|Gain|Perspective|TimeStretch|PitchShift|MotionBlur|"
    r"PolarityInversion|Fliplr|Flipud)$"
)
# Functions that perturb their first argument on every call.
FUNCTIONAL_AUGMENTATIONS = frozenset(
    [
        *(
            f"tensorflow.image.{name}"
            for name in (
                "random_flip_left_right random_flip_up_down random_brightness random_contrast random_hue "
                "random_saturation random_crop random_jpeg_quality stateless_random_flip_left_right"
            ).split()
        ),
        "tensorflow.image.random_crop",
        "tensorflow.random_crop",
        "torch_geometric.utils.dropout_adj",
        "torch_geometric.utils.dropout_edge",
        "skimage.util.random_noise",
        "torch.nn.functional.rrelu",
        "keras.preprocessing.image.random_rotation",
        "tensorflow.keras.preprocessing.image.random_rotation",
    ]
)
# The arguments for which Keras' ImageDataGenerator draws. keras/preprocessing/image.py, all versions.
IMAGE_GENERATOR_DRAWS = frozenset(
    "rotation_range width_shift_range height_shift_range brightness_range shear_range zoom_range channel_shift_range "
    "horizontal_flip vertical_flip".split()
)
COMPOSERS = frozenset(
    "Compose Sequential AugmentationSequential RandomApply RandomChoice RandomOrder OneOf SomeOf".split()
)

# Verbs and nouns that name an augmentation when nothing else tells what a function does.
_AUGMENTATION_WORD = re.compile(
    r"(?:^|_)(?:jitter|jittering|jittered|augment|augmented|augmentation|augmentations|perturb|perturbed|perturbation|"
    r"mixup|mix_up|cutmix|cutout|cut_out|cut_mix|noisify|noised|corrupt|randomize|randomise|"
    r"(?:add|apply|inject|with|make)(?:_\w+)?_noise\w*|noise_injection|gaussian_noise|(?:add|get)_noisy|"
    r"(?:color|colour|rotate|flip|crop|scale|shift)_aug|aug|"
    r"(?:cv_)?rand(?:om)?_?(?:flip|hflip|vflip|crop|rotate|rotation|erase|erasing|noise|jitter|shift|scale|affine|resize|"
    r"resized_crop|horizontal_flip|vertical_flip|brightness|contrast|hue|saturation|mask|pepper|peper|gaussian|gauss|"
    r"enhance|distort|translate|blur|color|perturb|augment|augmentation)\w*)(?:_|$)"
)
_NOT_AUGMENTATION = re.compile(
    r"(?:^|_)(?:denois\w*|remove|no|without|inverse|undo|un\w*augment\w*|config|args|parser|build|schedul\w*|level|"
    r"registry|check|test|get_transforms?|plot|save|log|load|show|set|loss|losses|criterion)(?:_|$)"
)


@functools.lru_cache(maxsize=2048)
def snake(name: str) -> str:
    """`RandomCrop`, `randomCrop` and `random_crop` are all `random_crop`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@functools.lru_cache(maxsize=2048)
def names_augmentation(name: str) -> bool:
    """Whether a function's bare name says that it perturbs its argument."""
    plain = snake(name)
    return bool(_AUGMENTATION_WORD.search(plain)) and not _NOT_AUGMENTATION.search(plain)


@functools.lru_cache(maxsize=2048)
def is_transform_class(qualname: str) -> bool:
    """Whether objects of this library class perturb what they are called with, at random."""
    module, _, name = qualname.rpartition(".")
    if not any(module == known or module.startswith(known + ".") for known in TRANSFORM_MODULES):
        return False
    if _ONLY_THERE.match(name):
        return module.startswith(_ALWAYS_RANDOM_IN)
    return bool(_RANDOM_TRANSFORM.match(name))


# A setting that promises an augmentation, noise or dropout: `use_aug`, `noise_std`, `random_flip_prob`, `drop_path`.
_PROMISE = re.compile(
    r"(?:^|_)(?:aug|augs|augment|augments|augmented|augmenting|augmentation|augmentations|augmenter|augmentor|dataaug|"
    r"jitter|jittering|noise|noisy|flip|hflip|vflip|mixup|cutmix|cutout|perturb|perturbation|specaug|specaugment|"
    r"rand_?aug(?:ment)?|auto_?aug(?:ment)?|random_(?:crop|flip|rotate|rotation|erase|erasing|scale|shift|jitter|resized_crop|"
    r"horizontal_flip|vertical_flip|noise|mask)|colou?r_jitter|dropout|dropout[12]?|drop_(?:rate|prob|path|path_rate|p)|"
    r"droppath|distort|distortion|reprob|re_prob)(?:_|\d|$)"
)
_NO_PROMISE = re.compile(
    r"(?:^|_)(?:dir|path|paths|file|files|folder|root|suffix|prefix|shape|dim|dims|size|schedule\w*|seed|seeds|type|kind|no|"
    r"without|disable|disabled|skip|denois\w*|remove|cond|conditioning|embed\w*|pred|predict\w*|param\w*|steps?|"
    r"only|test|tta|val|eval|inference|tests?time|log|save|plot|show|vis\w*|model|net|network|fn|func|floor|token\w*|"
    r"name|names|mode|multiplier|offset|inversion|key|index|idx|out|channels?|vector|vec|mel|dataset|data_?loader)(?:_|\d|$)"
)


@functools.lru_cache(maxsize=2048)
def promises_augmentation(name: str) -> bool:
    """Whether a setting's name says that it turns on or scales an augmentation, noise or dropout."""
    plain = snake(name.rpartition(".")[2])
    return bool(_PROMISE.search(plain)) and not _NO_PROMISE.search(plain)


# Functions that run one of two functions, as their first argument says.
CONDITIONALS = frozenset({"tensorflow.cond", "tensorflow.compat.v1.cond", "jax.lax.cond", "torch.cond"})

_IMAGE_OPERATIONS = re.compile(
    r"^(?:torchvision\.transforms\.(?:v2\.)?functional\.(?!normalize|erase)\w+|tensorflow\.image\.\w+|"
    r"(?:numpy|torch)\.(?:flip|fliplr|flipud|rot90|roll)|PIL\.ImageOps\.\w+|kornia\.(?:geometry|enhance)\.\w+)$"
)


def is_image_operation(qualname: str) -> bool:
    """Whether a function gives back a flipped, rotated, cut or recoloured copy of an image, as its arguments say."""
    return bool(_IMAGE_OPERATIONS.match(qualname))


def is_functional_augmentation(qualname: str) -> bool:
    """Whether this library function returns its argument perturbed at random."""
    return qualname in FUNCTIONAL_AUGMENTATIONS


# ------------------------------------------------------------------------------- models, loaders, loops

_MODEL_WORD = re.compile(
    r"(?:^|_)(?:model|net|network|decoder|encoder|autoencoder|generator|discriminator|critic|actor|policy|backbone|"
    r"siren|inr|nerf|mlp|cnn|unet|resnet|vit|transformer|vae|gan|module|classifier|clf|student|teacher|learner|"
    r"denoiser|regressor|rnn|lstm|gru|net[a-z0-9]|[gd]net|renderer|field|wrapped_model|ddp_model|ema_model)s?\d*(?:_|$)"
)
# Classes whose objects are networks, whatever they are called.
CHAINS_OF_LAYERS = frozenset(
    "torch.nn.Sequential keras.Sequential keras.models.Sequential tensorflow.keras.Sequential "
    "tensorflow.keras.models.Sequential".split()
)
_MODEL_LETTERS = frozenset("G D E F f netG netD net_G net_D g d".split())
_LOSS_WORD = re.compile(
    r"(?:^|_)(?:loss|losses|criterion|criteria|objective|mse|mae|bce|cross_entropy|nll|kl|kld|l1|l2|psnr)(?:_|$)"
)
_LOADER_WORD = re.compile(
    r"(?:^|_)(?:loader|loaders|dataloader|dataloaders|trainloader|batches|minibatches|minibatch|batch_iterator|"
    r"train_iter|train_iterator|data_iter|data_iterator|train_dl|dl|train_gen|train_generator|data_generator|"
    r"trainset_loader|train_batches|data_loader|train_data_loader)\d*(?:_|$)"
)
_BATCH_FUNCTION = re.compile(r"(?:^|_)(?:batch|batches|minibatch|minibatches|loader|batchify|iterate)(?:_|$)")
_GIVING = frozenset("next get sample draw fetch load read make generate random".split())
_BATCHES = frozenset("batch batches minibatch minibatches".split())
_COORDINATES = re.compile(r"(?:^|_)(?:coords?|coordinates?|mgrid|meshgrid|grid)(?:_|\d|$)")
_EVALUATION_WORD = re.compile(
    r"(?:^|_)(?:eval|evaluate|evaluation|evaluator|val|valid|validate|validation|validator|test|tests|testing|tester|"
    r"infer|inference|predict|prediction|sample|sampler|sampling|visualize|visualise|visualization|vis|demo|plot|show|"
    r"render|preview|export|benchmark|profile|summary|generate|interpolate|reconstruct|log|save|debug|viz|attack|"
    r"adversarial|pgd|fgsm|calibrate|calib)(?:_|$)"
)
WRAPPERS = frozenset(
    "enumerate tqdm trange zip islice cycle iter list tuple reversed track prefetch progress_bar".split()
)


@functools.lru_cache(maxsize=2048)
def names_model(name: str) -> bool:
    """Whether a variable's name says that it holds a network."""
    return name in _MODEL_LETTERS or bool(_MODEL_WORD.search(snake(name)))


@functools.lru_cache(maxsize=2048)
def names_loss(name: str) -> bool:
    """Whether a function's name says that it measures a loss."""
    return bool(_LOSS_WORD.search(snake(name)))


@functools.lru_cache(maxsize=2048)
def names_loader(name: str) -> bool:
    """Whether a variable's name says that iterating it gives batches."""
    return bool(_LOADER_WORD.search(snake(name)))


@functools.lru_cache(maxsize=2048)
def names_coordinates(name: str) -> bool:
    """Whether a name says that it holds, or gives, the coordinates of points or of a grid of them."""
    return bool(_COORDINATES.search(snake(name)))


@functools.lru_cache(maxsize=2048)
def names_batch_function(name: str) -> bool:
    """Whether a function's name says that it gives batches one after the other."""
    return bool(_BATCH_FUNCTION.search(snake(name)))


@functools.lru_cache(maxsize=2048)
def gives_batch(name: str) -> bool:
    """Whether a function's name says that each call of it gives another batch: `data.next_batch(64)`."""
    words = snake(name).split("_")
    return not _GIVING.isdisjoint(words) and not _BATCHES.isdisjoint(words)


@functools.lru_cache(maxsize=2048)
def names_evaluation(name: str) -> bool:
    """Whether a name says that the code looks at a model and does not train it."""
    return bool(_EVALUATION_WORD.search(snake(name)))


def names_training(name: str) -> bool:
    """Whether a function that cannot be looked into says by its name that it trains."""
    return snake(name) in ("train", "train_epoch", "train_one_epoch", "train_batch", "update_model", "train_iter")


# The methods that run when a network is called.
FORWARD_METHODS = frozenset("forward call __call__".split())
TRAINING_STEP_FUNCTIONS = frozenset(
    "training_step train_step _train_step _training_step iter_step _iter_step compute_loss train_batch train_on_batch "
    "optimize_parameters training_iteration".split()
)
# Functions that run once for each batch or sample.
STEP_FUNCTIONS = FORWARD_METHODS | TRAINING_STEP_FUNCTIONS | {"__getitem__", "collate_fn"}
OPTIMIZER_WORD = re.compile(
    r"(?:^|_)(?:opt|optim|optimizer|optimiser|optimizers|opts|scaler|solver|adam|sgd|trainer)\w*(?:_|$)"
)
TRAINING_METHODS = frozenset(
    "backward manual_backward train_on_batch apply_gradients minimize fit_batch optimizer_step "
    "step_and_update_lr".split()
)
# Methods of Keras models that train on what they are given.
FITTING_METHODS = frozenset("fit train_on_batch".split())
# What a session of TensorFlow 1 runs to train.
TRAINING_OPERATION = re.compile(
    r"(?:^|_)(?:train_op|train_step|train|trainer|optim|optimizer|optimize|solver|minimize|apply_gradients)(?:_|\d|$)"
)
TRAINING_CALLS = frozenset("optax.apply_updates torch.autograd.backward".split())
GRADIENT_FUNCTIONS = frozenset("jax.grad jax.value_and_grad".split())
