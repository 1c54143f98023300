"""The words of prompts: what each asks for, as attributes of the direction library.

An attribute is named like its direction in `pti_core/data/directions.safetensors`; the sense of a
direction is written beside it (what positive amounts do). Which directions there are is found out
when a prompt is read: a phrase whose direction is not installed is answered as not available.

Phrases are lists of words in their plain form: `prompts` takes "longer" for "long", "locks" for
"lock" and so on, where the plain form is known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Ask:
    """One thing that a phrase asks for: a direction, in a sense, and how far.

    sense: +1 or -1. share: of the direction's range on that side, where the prompt names none.
    """

    name: str
    sense: int
    share: float = 0.6


@dataclass(frozen=True)
class Noun:
    """A thing that can be there or not, or that words describe.

    words: its names. bare: what is asked for where nothing describes it ("add a beard"); empty
    where that says nothing ("eyes"). described: describing word to what both ask for together.
    """

    words: tuple[str, ...]
    bare: tuple[Ask, ...]
    described: Mapping[str, tuple[Ask, ...]]


#: Direction to what its positive amounts do; the sense of every phrase below rests on this.
POSITIVE: Mapping[str, str] = MappingProxyType(
    {
        "age": "older",
        "gender": "more feminine",
        "smile": "smiling more",
        "mouth_open": "mouth open",
        "eyes_open": "eyes wide open",
        "pose": "turned to the picture's right",
        "pitch": "looking up",
        "hair_dark": "darker hair",
        "hair_red": "redder hair",
        "hair_grey": "greyer hair",
        "hair_length": "longer hair",
        "fringe": "a fringe",
        "hair_curly": "curlier hair",
        "bald": "balder",
        "beard": "more beard",
        "moustache": "more moustache",
        "eyebrows": "thicker eyebrows",
        "glasses": "glasses",
        "makeup": "more makeup",
        "lipstick": "redder lips",
        "skin_tone": "lighter skin",
        "face_width": "a wider face",
        "light_side": "light from the right",
        "background": "a lighter background",
    }
)
#: The other sense in words, for what is shown to a person.
NEGATIVE: Mapping[str, str] = MappingProxyType(
    {
        "age": "younger",
        "gender": "more masculine",
        "smile": "smiling less",
        "mouth_open": "mouth closed",
        "eyes_open": "eyes closed",
        "pose": "turned to the picture's left",
        "pitch": "looking down",
        "hair_dark": "lighter hair",
        "hair_red": "less red hair",
        "hair_grey": "less grey hair",
        "hair_length": "shorter hair",
        "fringe": "no fringe",
        "hair_curly": "straighter hair",
        "bald": "more hair",
        "beard": "less beard",
        "moustache": "less moustache",
        "eyebrows": "thinner eyebrows",
        "glasses": "no glasses",
        "makeup": "less makeup",
        "lipstick": "paler lips",
        "skin_tone": "darker skin",
        "face_width": "a narrower face",
        "light_side": "light from the left",
        "background": "a darker background",
    }
)


def _asks(text: str) -> tuple[Ask, ...]:
    """ "beard+ moustache-" as asks; "beard+1" or "age-.3" name a share."""
    found = []
    for word in text.split():
        place = max(word.rfind("+"), word.rfind("-"))
        share = float(word[place + 1 :] or 0.6)
        found.append(Ask(word[:place], 1 if word[place] == "+" else -1, share))
    return tuple(found)


def _set(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


#: Phrases that stand for themselves: what they ask for, and the phrases.
_PHRASES: tuple[tuple[str, str], ...] = (
    (
        "age+",
        "old; aged; elderly; ageing; aging; mature; wrinkled; wrinkly; wrinkle; full of wrinkle; "
        "with age; senior; crow s feet; pensioner; middle aged; retired; senile; ancient; "
        "geriatric",
    ),
    (
        "age-",
        "young; youthful; baby face; babyface; teenage; teenager; teen; rejuvenate; rejuvenated; "
        "juvenile; adolescent; kid; child; boyish; girlish; fresh faced; smooth skin; "
        "wrinkle free; twenty something",
    ),
    (
        "age+ gender+",
        "granny; grandma; grandmother; nan; nana; gran; old lady; crone; old woman; "
        "elderly lady; elderly woman",
    ),
    (
        "age+ gender-",
        "gramps; grandpa; grandfather; granddad; grandad; geezer; old geezer; old man; "
        "elderly man; elderly gentleman; old gentleman",
    ),
    (
        "smile+",
        "smile; smiling; happy; grin; grinning; cheerful; joyful; laugh; laughing; delighted; "
        "cheese; say cheese; beam; beaming; jolly; merry; glad; amused; overjoyed; ecstatic; joy; "
        "with joy; friendly; smiley; chuckle; cheery; smirk; cheer up; pleased; in a good mood",
    ),
    (
        "smile-",
        "sad; unhappy; frown; frowning; serious; gloomy; grumpy; unsmiling; poker face; glum; sulk; "  # noqa: E501
        "miserable; neutral expression; straight face; stern; resting bitch face; solemn; pout; "
        "neutral face; expressionless; melancholy; depressed; down in the mouth; sulky; sullen; "
        "deadpan; in a bad mood; sombre; upset; downcast",
    ),
    ("mouth_open+", "yawn; yawning; gape; gaping; agape; open mouthed; jaw dropped; slack jawed"),
    ("mouth_open-", "sealed lips; lips together; tight lipped; close mouthed"),
    ("eyes_open+", "wide eyed; big eyed; bug eyed; goggle eyed"),
    ("eyes_open-", "squint; squinting; blink; blinking; asleep; sleeping; sleepy; drowsy; wink"),
    ("mouth_open+ eyes_open+", "surprised; astonished; shocked; amazed; surprise; startled; awed"),
    (
        "hair_dark-",
        "blond; platinum blond; peroxide blond; fair haired; golden haired; bleached; bleach; "
        "towheaded; blondie; platinum",
    ),
    ("hair_dark+", "brunette; raven haired; dark haired; black haired; brown haired; raven"),
    ("hair_red+", "redhead; red headed; ginger; auburn; strawberry blond; carrot top; titian"),
    ("hair_grey+", "grey haired; silver haired; white haired; going grey; silver fox; greying"),
    ("hair_length+", "long haired; grow out; rapunzel"),
    (
        "hair_length-",
        "pixie cut; pixie; buzz cut; crew cut; short back and sides; trim; haircut; cropped; "
        "short haired; buzzed; close crop",
    ),
    (
        "hair_curly+",
        "curl; curly; curly hair; perm; permed; wavy; wave; frizzy; ringlet; curly haired; frizz",
    ),
    ("hair_curly-", "straightened; ironed; straighten; straight haired"),
    ("fringe+1", "fringe; bang"),
    ("fringe+ hair_length- hair_curly-", "bowl cut; bowl haircut; mushroom cut; pudding bowl"),
    ("hair_length- hair_curly-", "bob cut; bob; lob; bob haircut; page boy"),
    ("bald+1", "bald; hairless; no hair; shaved head; balding; shave head; bald head; skinhead"),
    ("bald+", "receding hairline; thinning; high forehead; receding; hair loss; male pattern"),
    ("bald-", "hair growth; hair transplant; toupee"),
    ("beard+1", "bearded; unshaven"),
    ("beard+1 moustache+1", "facial hair"),
    ("beard+.4", "stubble; five o clock shadow; goatee; scruff; designer stubble; stubbly"),
    ("beard-1 moustache-1", "clean shaven; cleanshaven; shave; shaved; shaven; smooth chin"),
    ("beard-1", "beardless; smooth chinned"),
    ("moustache+1", "moustached; handlebar"),
    ("glasses+1", "bespectacled; four eyes"),
    ("makeup+", "glam; glamorous; made up; glammed up; dolled up"),
    ("makeup-", "bare faced; barefaced; makeup free; natural look"),
    ("lipstick+", "red lipped; lippy; lip gloss"),
    ("skin_tone+", "pale; pallid; fair skinned; light skinned; ashen; pasty; porcelain"),
    (
        "skin_tone-",
        "tanned; tan; suntanned; sunburnt; sunburned; bronzed; dark skinned; sun kissed; suntan; "
        "brown skinned",
    ),
    ("face_width+", "chubby; round faced; fat; plump; chubby cheek; full cheek; overweight; pudgy"),
    ("face_width-", "thin faced; gaunt; skinny; slender; lean; hollow cheek; slim; lose weight"),
    ("light_side-", "light from left; lit from left; left lit"),
    ("light_side+", "light from right; lit from right; right lit"),
    ("gender+", "feminine; female; girly; womanly; ladylike; effeminate; girlie"),
    ("gender-", "masculine; male; manly; macho; butch; virile"),
)
PHRASES: Mapping[tuple[str, ...], tuple[Ask, ...]] = MappingProxyType(
    {
        tuple(phrase.split()): _asks(asks)
        for asks, phrases in _PHRASES
        for phrase in phrases.replace("\n", " ").split("; ")
    }
)

#: A person as what to become: "a man", "into a woman"; "the man" is the one in the photograph.
KINDS: Mapping[str, tuple[Ask, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("woman", "lady", "girl", "chick"), _asks("gender+")),
        **dict.fromkeys(("man", "guy", "bloke", "dude", "boy", "gentleman"), _asks("gender-")),
    }
)

_HAIR = {
    "hair_dark+": "dark black brown raven jet brunette chestnut chocolate ebony",
    "hair_dark-": "light blond golden gold fair bleached yellow sandy platinum flaxen peroxide",
    "hair_red+": "red ginger auburn orange copper coppery",
    "hair_grey+": "grey white silver silvery",
    "hair_length+": "long shoulder waist flowing",
    "hair_length-": "short cropped trimmed cut",
    "hair_curly+": "curly wavy frizzy kinky curled permed",
    "hair_curly-": "straight sleek flat smooth ironed",
    "bald-": "thick full more dense",
    "bald+": "thin thinning sparse",
}
_NOUNS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("hair lock hairdo hairstyle mane", "bald-", _HAIR),
    (
        "beard whisker",
        "beard+1",
        {
            "beard+1": "full thick long big bushy heavy",
            "beard+.4": "short light small trimmed thin",
        },
    ),
    (
        "moustache stache tash",
        "moustache+1",
        {"moustache+1": "full thick long big bushy handlebar", "moustache+.4": "thin small light"},
    ),
    ("glasses spectacle specs eyeglass eyeglasses goggle", "glasses+1", {"glasses+1": "reading"}),
    ("makeup cosmetic mascara eyeshadow eyeliner foundation rouge", "makeup+", {}),
    (
        "lipstick lip",
        "lipstick+",
        {"lipstick+": "red dark bright ruby scarlet crimson", "lipstick-": "pale nude"},
    ),
    (
        "skin complexion",
        "",
        {
            "skin_tone+": "pale light fair white",
            "skin_tone-": "dark tan tanned brown bronzed black olive",
            "age+": "wrinkled wrinkly old",
            "age-": "smooth young youthful",
        },
    ),
    (
        "eyebrow brow",
        "eyebrows+",
        {
            "eyebrows+": "thick bushy full heavy dark big strong",
            "eyebrows-": "thin fine plucked light narrow",
        },
    ),
    ("eye", "", {"eyes_open+": "open wide big", "eyes_open-": "closed shut close narrow"}),
    ("mouth jaw", "", {"mouth_open+": "open wide dropped", "mouth_open-": "closed shut close"}),
    (
        "face cheek jawline",
        "",
        {
            "face_width+": "round wide full fat chubby broad plump big",
            "face_width-": "slim thin narrow slender lean hollow gaunt slimming",
        },
    ),
    (
        "background backdrop",
        "",
        {
            "background-": "dark black dim",
            "background+": "light bright white pale",
        },
    ),
    ("forehead hairline", "", {"bald+": "high receding"}),
)
NOUNS: tuple[Noun, ...] = tuple(
    Noun(
        tuple(words.split()),
        _asks(bare),
        {word: _asks(asks) for asks, group in described.items() for word in group.split()},
    )
    for words, bare, described in _NOUNS
)

#: Words that turn the head, and words of light; left and right belong to whichever is there.
TURNING = frozenset(
    [
        "look",
        "looking",
        "face",
        "facing",
        "turn",
        "turned",
        "turning",
        "gaze",
        "gazing",
        "head",
        "pose",
        "profile",
        "rotate",
        "rotated",
        "glance",
        "glancing",
        "stare",
        "staring",
        "watch",
        "pan",
        "swivel",
        "chin",
        "angle",
    ]
)
LIGHTING = frozenset(["light", "lit", "lighting", "lamp", "sun", "illuminated", "illumination"])
SIDES: Mapping[str, tuple[Ask, Ask | None]] = MappingProxyType(
    {  # for a turned head, for light
        "left": (Ask("pose", -1), Ask("light_side", -1)),
        "leftward": (Ask("pose", -1), None),
        "right": (Ask("pose", 1), Ask("light_side", 1)),
        "rightward": (Ask("pose", 1), None),
        "up": (Ask("pitch", 1), None),
        "upward": (Ask("pitch", 1), None),
        "down": (Ask("pitch", -1), None),
        "downward": (Ask("pitch", -1), None),
    }
)

#: How far, as a share of the range.
DEGREES: Mapping[tuple[str, ...], float] = MappingProxyType(
    {
        tuple(phrase.split()): share
        for share, phrases in (
            (
                0.3,
                "a bit; a little bit; a little; little; bit; slightly; slight; somewhat; a touch; "
                "touch; subtle; subtly; faint; hint of; tiny; small; kinda; mildly; a tad; tad; "
                "gentle; gently; barely; just a bit; sort of; kind of; trace of; mild; light; "
                "lightly; marginally; fractionally; a smidge; smidge",
            ),
            (0.5, "half; quite; fairly; pretty; moderately; medium; halfway"),
            (
                1.0,
                "much; very; a lot; lot; lots; lots of; way; really; super; extremely; far; huge; "
                "big; wide; broad; heavy; strong; strongly; crazy; like crazy; totally; completely; "  # noqa: E501
                "fully; af; as hell; as possible; maximum; max; considerably; massively; hella; "
                "heaps; tons; tons of; utterly; incredibly; intense; loads; loads of; uber; "
                "dramatically; drastically; seriously; hugely; entirely; all the way; too; insanely;"  # noqa: E501
                " massive; enormous; giant; full",
            ),
        )
        for phrase in (part.strip() for part in phrases.split(";"))
        if phrase
    }
)

#: Words that turn what follows into its opposite: by taking it away wholly, and by degree.
AWAY: frozenset[tuple[str, ...]] = frozenset(
    tuple(phrase.split())
    for phrase in [
        "no",
        "not",
        "without",
        "remove",
        "lose",
        "take off",
        "take away",
        "get rid of",
        "rid of",
        "drop",
        "ditch",
        "stop",
        "never",
        "nor",
        "minus",
        "shave off",
        "delete",
        "lack",
        "free of",
        "none",
        "un",
        "less any",
        "shed",
        "cut off",
        "chop off",
        "erase",
        "hide",
        "strip",
        "wipe off",
        "neither",
        "clear",
    ]
)
LESS = frozenset(
    ["less", "fewer", "reduce", "reduced", "decrease", "lower", "shrink", "diminish", "weaken"]
)
#: Words that begin a new, positive instruction and end the reach of a negation.
ANEW = frozenset(
    [
        "add",
        "give",
        "make",
        "put",
        "wear",
        "wearing",
        "but",
        "with",
        "apply",
        "grow",
        "get",
        "gimme",
        "slap",
    ]
)
#: What is to stay as it is: such a clause asks for nothing.
KEEP: frozenset[tuple[str, ...]] = frozenset(
    tuple(phrase.split())
    for phrase in [
        "keep",
        "leave",
        "not change",
        "not touch",
        "same",
        "preserve",
        "retain",
        "not alter",
        "unchanged",
        "as is",
    ]
)

#: Words that carry no wish.
FILLERS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "make",
        "made",
        "making",
        "let",
        "have",
        "has",
        "having",
        "had",
        "be",
        "is",
        "are",
        "was",
        "were",
        "am",
        "being",
        "been",
        "should",
        "would",
        "could",
        "can",
        "will",
        "shall",
        "may",
        "might",
        "must",
        "do",
        "does",
        "did",
        "please",
        "pls",
        "plz",
        "thanks",
        "thank",
        "you",
        "i",
        "me",
        "my",
        "we",
        "us",
        "our",
        "your",
        "he",
        "him",
        "his",
        "she",
        "her",
        "hers",
        "it",
        "its",
        "they",
        "them",
        "their",
        "one",
        "someone",
        "person",
        "people's",
        "face",
        "photo",
        "photograph",
        "picture",
        "image",
        "portrait",
        "look",
        "looking",
        "looks",
        "appear",
        "appearing",
        "appearance",
        "seem",
        "like",
        "as",
        "to",
        "into",
        "in",
        "of",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "and",
        "or",
        "then",
        "so",
        "just",
        "now",
        "want",
        "wanna",
        "need",
        "d",
        "ll",
        "s",
        "t",
        "re",
        "ve",
        "more",
        "most",
        "even",
        "also",
        "too",
        "add",
        "give",
        "gimme",
        "put",
        "puts",
        "wear",
        "wearing",
        "wears",
        "get",
        "gets",
        "got",
        "turn",
        "turned",
        "turning",
        "go",
        "going",
        "become",
        "becoming",
        "change",
        "changing",
        "set",
        "apply",
        "show",
        "hey",
        "ok",
        "okay",
        "lol",
        "omg",
        "haha",
        "yo",
        "bro",
        "mate",
        "dude",
        "guy",
        "man",
        "woman",
        "lady",
        "gal",
        "girl",
        "boy",
        "chick",
        "folks",
        "subject",
        "model",
        "if",
        "possible",
        "than",
        "before",
        "bit",
        "how",
        "about",
        "what",
        "try",
        "trying",
        "still",
        "only",
        "really",
        "first",
        "second",
        "next",
        "finally",
        "dye",
        "dyed",
        "color",
        "colour",
        "colored",
        "coloured",
        "grow",
        "grown",
        "growing",
        "increase",
        "increased",
        "hairstyle",
        "style",
        "styled",
        "expression",
        "mood",
        "somewhat",
        "there",
        "here",
        "but",
        "rock",
        "rocking",
        "sport",
        "sporting",
        "slap",
        "him",
        "up",
        "kind",
        "guys",
        "bloke",
        "very",
        "all",
        "her",
        "some",
        "any",
        "pair",
        "head",
        "while",
        "towards",
        "toward",
        "direction",
        "side",
        "again",
        "both",
        "think",
        "bring",
        "proper",
        "real",
        "genuine",
        "nice",
        "nicely",
        "good",
        "great",
        "lovely",
        "beautiful",
        "handsome",
        "pretty",
        "cool",
        "awesome",
        "bigger",
        "version",
        "yourself",
        "himself",
        "herself",
        "themselves",
        "self",
        "instead",
        "tone",
        "shade",
        "skinned",
        "state",
        "effect",
        "put",
        "own",
        "cut",
        "around",
        "over",
        "away",
        "feel",
        "feeling",
        "old-school",
        "darn",
        "bloody",
        "damn",
        "fucking",
        "freaking",
        "well",
        "who",
        "whose",
        "which",
        "were",
        "when",
        "because",
        "transform",
        "convert",
        "edit",
        "modify",
        "adjust",
        "tweak",
        "render",
        "generate",
    ]
)

#: Kinds of clause separators, beside punctuation.
SEPARATORS = frozenset(
    ["and", "but", "with", "plus", "then", "while", "also", "or", "nor", "wearing", "having", "as"]
)

#: Other spellings and slang, one word to others.
SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "blonde": "blond",
        "blondes": "blond",
        "gray": "grey",
        "grays": "grey",
        "mustache": "moustache",
        "mustaches": "moustache",
        "tache": "moustache",
        "hairs": "hair",
        "bowlcut": "bowl cut",
        "bobcut": "bob cut",
        "pixiecut": "pixie cut",
        "buzzcut": "buzz cut",
        "makeups": "makeup",
        "sunkissed": "sun kissed",
        "colour": "color",
        "coloured": "colored",
        "w/o": "without",
        "w": "with",
        "cant": "can not",
        "dont": "do not",
        "don't": "do not",
        "doesn't": "does not",
        "isn't": "is not",
        "isnt": "is not",
        "aren't": "are not",
        "wasn't": "was not",
        "shouldn't": "should not",
        "won't": "will not",
        "haired": "haired",
        "yr": "years",
        "yrs": "years",
        "yo": "years",
        "year": "years",
        "deg": "degrees",
        "degree": "degrees",
        "percent": "%",
        "decade": "decades",
        "leftwards": "leftward",
        "rightwards": "rightward",
        "upwards": "upward",
        "downwards": "downward",
        "brows": "brow",
        "specs": "specs",
        "glasses": "glasses",
        "glass": "glasses",
        "spectacles": "glasses",
        "eyeglasses": "glasses",
        "lippie": "lipstick",
        "lippy": "lipstick",
        "lips": "lip",
        "bangs": "fringe",
        "bang": "fringe",
        "centre": "center",
        "aged": "aged",
        "tan": "tanned",
        "wrinkles": "wrinkle",
        "ya": "you",
        "u": "you",
        "w/": "with",
        "teh": "the",
        "hte": "the",
        "&": "and",
        "n": "and",
    }
)
#: Pairs of words that are one.
JOINED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("make", "up"): "makeup",
        ("eye", "brow"): "eyebrow",
        ("eye", "brows"): "eyebrow",
        ("lip", "stick"): "lipstick",
        ("back", "ground"): "background",
        ("bobbed", "hair"): "bob",
        ("clean", "shaved"): "cleanshaven",
    }
)
NUMBERS: Mapping[str, float] = MappingProxyType(
    {
        word: float(value)
        for value, words in (
            (1, "one"),
            (2, "two couple"),
            (3, "three"),
            (4, "four"),
            (5, "five"),
            (6, "six"),
            (7, "seven"),
            (8, "eight"),
            (9, "nine"),
            (10, "ten"),
            (11, "eleven"),
            (12, "twelve"),
            (13, "thirteen"),
            (14, "fourteen"),
            (15, "fifteen"),
            (16, "sixteen"),
            (17, "seventeen"),
            (18, "eighteen"),
            (19, "nineteen"),
            (20, "twenty"),
            (25, "twentyfive"),
            (30, "thirty"),
            (40, "forty"),
            (50, "fifty"),
            (60, "sixty"),
            (70, "seventy"),
            (80, "eighty"),
            (90, "ninety"),
            (100, "hundred"),
        )
        for word in words.split()
    }
)
#: Colours that hair or anything else may be asked for in and that no direction has: a near colour
#: is not what was asked for.
NEVER_NEAR = frozenset(
    [
        "green",
        "blue",
        "pink",
        "purple",
        "violet",
        "turquoise",
        "teal",
        "rainbow",
        "neon",
        "orange",
        "yellow",
        "black",
        "white",
        "red",
        "brown",
        "golden",
        "hat",
        "cap",
        "scarf",
        "earring",
        "earrings",
        "necklace",
        "tattoo",
        "nose",
        "ear",
        "ears",
        "neck",
        "teeth",
        "tooth",
        "dog",
        "cat",
        "horse",
        "car",
        "animal",
        "two",
        "three",
        "four",
        "five",
        "six",
    ]
)
