"""Words by how often they are used: real ones to train with, invented ones to measure with.

What is measured must not be what the dictionary was trained on, so the two share only the few
words that every English text is full of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random

from benchmarks.agents.sayings import SAYINGS


def words_of(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


EVERYWHERE = words_of("""
the of and to in is for that with on as are this it by be from or was at an not have has which
can will we you your if all but one their more been when they there would what so no out up into
than them some its also only then after other could about should these two each between our over
such where before most through under how just does do any both first new because
""")
"""The words that lead every English text, most frequent first."""

PLAIN = words_of("""
user agent result search file error request response message order customer account data report
value number page time date name list item table field record query answer question task plan step
next summary detail source document section link address price total amount payment refund invoice
product service system server client version update change check review test issue problem fix
support team company market project policy approval budget cost rate risk model token prompt
context memory tool call function argument parameter string object array index key input output
code class method module package import return print line column row path folder directory command
process thread worker queue database schema index connection timeout retry failed success status
pending running completed cancelled active available missing invalid required optional default
current previous latest recent final initial additional specific relevant important possible
find found need needs use used using make made take taken give given show shown provide provided
include included based following below above contains create created delete deleted send sent
received read write written open closed start started stop stopped finished continue wait ask
confirm verify compare analyse calculate estimate recommend suggest explain describe note please
sorry thank help want look looking working work week month year today yesterday tomorrow morning
flight hotel booking ticket email phone website article study research paper author science health
energy climate water city country region area government public private local global people
person children school university student history language culture music film book story game
weather temperature average increase decrease growth percent million billion quarter annual
revenue profit sales forecast trend analysis chart figure metric score quality performance
security access permission password session cookie header body method status content type format
json html text image video audio message conversation history channel event log trace warning
deployment container cluster node region network storage disk volume backup restore snapshot
checkpoint branch commit merge repository pull release build pipeline environment variable
configuration setting option feature bug ticket priority deadline owner member manager meeting
agenda action decision evidence conclusion reason cause effect example case scenario assumption
limitation requirement specification design architecture component interface endpoint library
framework application platform device mobile browser button screen layout style color size width
""")
"""What agents talk about: only ever trained with."""

_ONSETS = (
    words_of("""
b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p ph pl pr qu r s sc sch sh sk sl sm sn
sp st str sw t th tr tw v w wh y z
""")
    + [""] * 6
)
_NUCLEI = words_of("a a a e e e e i i i o o o u u ai au ea ee ei ie io oa oo ou y")
_CODAS = [
    *words_of("b ck ct d ft g k l ld ll lt m mp n n n"),
    *words_of("nd ng nt p r r rd rk rn rt s s ss st t t th"),  # codespell:ignore
]
_ENDINGS = [
    *words_of("ing ed er ion al ly ment ness able ous ity"),  # codespell:ignore
    *words_of("ive ism ance ship ful est es s ate ic"),
    "",
]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words with the weights of Zipf's law, most frequent first."""

    words: tuple[str, ...]
    weights: tuple[float, ...]
    sayings: tuple[str, ...] = ()

    def draw(self, random: Random, count: int) -> list[str]:
        """Return ``count`` words as a text would use them."""
        return random.choices(self.words, cum_weights=self.weights, k=count)


def real() -> Vocabulary:
    """Return the vocabulary to train with."""
    return _weighted([*EVERYWHERE, *dict.fromkeys(PLAIN)], SAYINGS)


def invented(seed: int, *, size: int = 10_000) -> Vocabulary:
    """Return a vocabulary to measure with: of ``size`` words nobody ever used."""
    random = Random(seed)
    words = dict.fromkeys(EVERYWHERE[:60])
    known = set(PLAIN)
    while len(words) < size:
        word = invented_word(random)
        if word not in known:
            words[word] = None
    return _weighted(list(words))


def invented_word(random: Random) -> str:
    """Return a word that could be English."""
    syllables = random.choices((1, 2, 3), weights=(3, 5, 2))[0]
    stem = "".join(random.choice(_ONSETS) + random.choice(_NUCLEI) for _ in range(syllables))
    return stem + random.choice(_CODAS) + random.choice(_ENDINGS)


def _weighted(words: list[str], sayings: tuple[str, ...] = ()) -> Vocabulary:
    """Weigh by rank; 2.7 is Mandelbrot's correction for the first few."""
    weights = accumulate(1 / (rank + 2.7) for rank in range(len(words)))
    return Vocabulary(tuple(words), tuple(weights), sayings)
