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
        "cheeks": "fuller cheeks",
        "chin": "a longer chin",
        "nose_width": "a wider nose",
        "nose_length": "a longer nose",
        "lips": "fuller lips",
        "skin_red": "ruddy skin",
        "brow_raise": "raised eyebrows",
        "frown": "frowning",
        "hair_blond": "blonder hair",
        "eye_makeup": "more eye makeup",
        "background_warm": "a warmer background",
        "exposure": "a brighter picture",
        "warmth": "warmer colours",
        "colourful": "stronger colours",
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
        "cheeks": "hollow cheeks",
        "chin": "a shorter chin",
        "nose_width": "a narrower nose",
        "nose_length": "a shorter nose",
        "lips": "thinner lips",
        "skin_red": "less ruddy skin",
        "brow_raise": "lowered eyebrows",
        "frown": "no frown",
        "hair_blond": "less blond hair",
        "eye_makeup": "less eye makeup",
        "background_warm": "a cooler background",
        "exposure": "a darker picture",
        "warmth": "cooler colours",
        "colourful": "paler colours",
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


#: Where a direction is not installed: what does nearly the same, and whether in the same sense.
INSTEAD: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "hair_blond": ("hair_dark", -1),
        "frown": ("smile", -1),
        "cheeks": ("face_width", 1),
        "eye_makeup": ("makeup", 1),
    }
)
#: What is offered to be typed, where the words above are not what people type.
OFFERED: Mapping[tuple[str, int], str] = MappingProxyType(
    {
        ("pose", 1): "looking to the right",
        ("pose", -1): "looking to the left",
        ("smile", 1): "smiling",
        ("smile", -1): "serious",
        ("beard", 1): "a beard",
        ("beard", -1): "no beard",
        ("moustache", 1): "a moustache",
        ("moustache", -1): "no moustache",
        ("bald", 1): "bald",
        ("makeup", 1): "makeup",
    }
)


def word_set(*texts: str) -> frozenset[str]:
    """The words of texts."""
    return frozenset(word for text in texts for word in text.split())


def _phrases(text: str) -> tuple[str, ...]:
    """What stands between semicolons."""
    return tuple(part.strip() for part in text.split(";"))


#: Phrases that stand for themselves: what they ask for, and the phrases.
_PHRASES: tuple[tuple[str, str], ...] = (
    (
        "age+.9",
        "old; aged; elderly; ageing; aging; mature; wrinkled; wrinkly; wrinkle; full of "
        "wrinkle; with age; senior; crow s feet; pensioner; middle aged; retired; senile; "
        "ancient; geriatric; senior citizen; age him; age her; age me; age them; age up; age "
        "the face; in his sixties; in her sixties; old person; old folk; over the hill; "
        "greybeard; elder; oldie; golden years; weathered; craggy; fine line",
    ),
    (
        "age-.9",
        "young; youthful; baby face; babyface; teenage; teenager; teen; rejuvenate; "
        "rejuvenated; juvenile; adolescent; kid; child; boyish; girlish; fresh faced; smooth "
        "skin; wrinkle free; twenty something; age backward; de age; deage; un age; reverse "
        "aging; reverse ageing; anti aging; anti ageing; turn back clock; turn clock back; "
        "turn back time; fountain of youth; facelift; botox; young person; schoolboy; "
        "schoolgirl; youngster; youth; unlined; unwrinkle; in his twenties; in her twenties; "
        "iron out wrinkle",
    ),
    (
        "age+ gender+",
        "granny; grandma; grandmother; nan; nana; gran; old lady; crone; nanna; grandmum; "
        "grandmom; old dear; old girl; old woman; elderly lady; elderly woman",
    ),
    (
        "age+ gender-",
        "gramps; grandpa; grandfather; granddad; grandad; geezer; old geezer; old man; old "
        "guy; old bloke; old dude; old fella; old timer; elderly man; elderly gentleman; old "
        "gentleman",
    ),
    ("age- gender-", "young man; young guy; young lad; young bloke; young gentleman"),
    ("age- gender+", "young woman; young lady; young girl; young chick"),
    (
        "smile+1",
        "smile; smiling; happy; grin; grinning; cheerful; joyful; laugh; laughing; delighted; "
        "cheese; say cheese; beam; beaming; crack a smile; crack smile; jolly; merry; glad; "
        "amused; overjoyed; ecstatic; joy; upbeat; thrilled; radiant; giggle; giggling; turn "
        "frown upside down; lighten up; in high spirits; in good spirits; over the moon; show "
        "some teeth; show teeth; flash a smile; bright smile; toothy; all smile; with joy; "
        "friendly; smiley; chuckle; cheery; smirk; cheer up; pleased; in a good mood",
    ),
    (
        "smile-",
        "sad; unhappy; serious; gloomy; grumpy; unsmiling; poker face; glum; sulk; miserable; "
        "neutral expression; straight face; stern; resting bitch face; solemn; pout; neutral "
        "face; expressionless; melancholy; depressed; down in the mouth; sulky; sullen; "
        "moody; sour; dour; mopey; moping; heartbroken; sorrowful; mournful; why so serious; "
        "bored; blank face; blank stare; stone faced; stony faced; sourpuss; crestfallen; "
        "dejected; disappointed; deadpan; in a bad mood; sombre; upset; downcast",
    ),
    (
        "mouth_open+",
        "yawn; yawning; gape; gaping; agape; open mouthed; jaw dropped; slack jawed; say ah; "
        "shout; shouting; scream; screaming; sing; singing; talk; talking; speak; speaking; "
        "yell; yelling; mouth wide open; open wide; jaw drop",
    ),
    (
        "mouth_open-",
        "sealed lip; lip together; tight lipped; close mouthed; lip sealed; lip closed; "
        "closed lip; shut up; shut his mouth; shut her mouth; zip it; pressed lip",
    ),
    (
        "eyes_open+",
        "wide eyed; big eyed; bug eyed; goggle eyed; wide awake; doe eyed; awake",
    ),
    (
        "eyes_open-",
        "squint; squinting; blink; blinking; asleep; sleeping; sleepy; drowsy; wink; tired; "
        "exhausted; half closed eye; half shut eye; nap; napping; doze; dozing; knackered; "
        "worn out; weary; squinty; squinting eye; snooze; snoozing",
    ),
    (
        "mouth_open+ eyes_open+",
        "surprised; astonished; shocked; amazed; surprise; startled; awed; stunned; "
        "gobsmacked; flabbergasted; in shock; dumbfounded; taken aback; surprising; afraid",
    ),
    (
        "hair_blond+1",
        "blond; platinum blond; peroxide blond; fair haired; golden haired; bleached; bleach; "
        "towheaded; blondie; platinum; dirty blond; ash blond; strawblond; bleached blond; "
        "blond bombshell; honey blond; sandy blond; golden lock; fair hair",
    ),
    (
        "hair_dark+",
        "brunette; raven haired; dark haired; black haired; brown haired; raven; go dark; jet "
        "black; dark brown; brunet; raven black",
    ),
    (
        "hair_red+",
        "redhead; red headed; ginger; auburn; strawberry blond; carrot top; titian; ginga; "
        "redheaded; flame haired; copper haired; coppertop; red haired; ginger haired",
    ),
    (
        "hair_grey+",
        "grey haired; silver haired; white haired; going grey; silver fox; greying; salt and "
        "pepper; salt n pepper; go grey; turn grey; white hair",
    ),
    (
        "hair_length+",
        "long haired; grow out; rapunzel; hair down; hair extension; shoulder length; hair to "
        "her shoulder; hair to his shoulder; grow hair; let hair grow; waist length; hair "
        "down to her shoulder; hair down to shoulder",
    ),
    (
        "hair_length-",
        "pixie cut; pixie; buzz cut; crew cut; short back and sides; trim; haircut; cropped; "
        "short haired; buzzed; close crop; hair cut; shorn; chop hair; cut hair; chop off "
        "hair; cut off hair; chop hair off; cut hair off; undercut",
    ),
    (
        "hair_curly+",
        "curl; curls; curly; curly hair; perm; permed; wavy; wave; frizzy; ringlet; curly "
        "haired; frizz; in wave; loose wave; loose curl; beach wave; wavy haired; spiral "
        "curl; curl up; big curl",
    ),
    (
        "hair_curly-",
        "straightened; ironed; straighten; straight haired; dead straight; poker straight; no "
        "curl; flat iron; flat ironed; straighten hair",
    ),
    ("fringe+1", "fringe; bang"),
    (
        "fringe+1 hair_length-.7 hair_curly-",
        "bowl cut; bowl haircut; mushroom cut; pudding bowl",
    ),
    ("hair_length- hair_curly-", "bob cut; bob; lob; bob haircut; page boy"),
    (
        "bald+1",
        "bald; hairless; without hair; less hair; fewer hair; lose hair; losing hair; remove "
        "hair; hair gone; no hair; shaved head; balding; shave head; bald head; skinhead; "
        "baldie; baldy; chrome dome; cue ball; no hair on head; shiny head; shave his head; "
        "shave her head; slaphead; bald spot; egghead; head shaved",
    ),
    (
        "bald+",
        "receding hairline; thinning; high forehead; receding; hair loss; male pattern",
    ),
    (
        "bald-",
        "hair growth; hair transplant; toupee; full head of hair; head of hair; more hair; "
        "add hair; give him hair; give her hair; regrow; voluminous hair",
    ),
    (
        "beard+1",
        "bearded; unshaven; beard it up; lumberjack beard; bushy beard; grow a beard",
    ),
    ("beard+1 moustache+1", "facial hair"),
    (
        "beard+.4",
        "stubble; five o clock shadow; goatee; scruff; designer stubble; stubbly; scruffy "
        "beard; scruffy; three day beard; day old beard; unshaved; soul patch",
    ),
    (
        "beard-1 moustache-1",
        "clean shaven; cleanshaven; shave; shaved; shaven; smooth chin; shave it all off; "
        "shave it off; clean shave; lose the facial hair; baby smooth",
    ),
    ("beard-1", "beardless; smooth chinned"),
    ("moustache+1", "moustached; handlebar; porn stache; pornstache; handlebar moustache"),
    (
        "glasses+1",
        "bespectacled; four eye; spectacled; hipster glasses; nerd glasses; eyewear",
    ),
    (
        "makeup+",
        "glam; glamorous; made up; glammed up; dolled up; glam up; doll up; glam her up; cake "
        "on makeup; full glam",
    ),
    (
        "makeup-",
        "bare faced; barefaced; makeup free; natural look; au naturel; wash her face; wash "
        "his face; wash face",
    ),
    ("lipstick+", "red lipped; lippy; lip gloss; red lip; ruby lip; painted lip; lipgloss"),
    (
        "skin_tone+",
        "pale; pallid; fair skinned; light skinned; ashen; pasty; porcelain; lighten skin; "
        "skin lightening; white as a sheet; white skin",
    ),
    (
        "skin_tone-",
        "tanned; tan; suntanned; sunburnt; sunburned; bronzed; dark skinned; sun kissed; "
        "suntan; brown skinned; get some sun; sunbathe; darken skin; olive skinned; swarthy; "
        "golden tan; spray tan; fake tan; holiday tan",
    ),
    (
        "face_width+",
        "chubby; round faced; fat; plump; overweight; pudgy; fatten; fatten up; put on "
        "weight; gain weight; chunky; heavyset; obese; stout; tubby; gain some weight; put on "
        "some weight; put on a few pounds; gain a few pounds; puffy; full face",
    ),
    (
        "face_width-",
        "thin faced; gaunt; skinny; slender; lean; slim; lose weight; slim down; lose a few "
        "pounds; lose some weight; thin face; chiseled; chiselled; bony; skeletal; drop a few "
        "pounds",
    ),
    (
        "light_side-",
        "light from left; lit from left; left lit; light on left; light to left; light coming "
        "from left; illuminated from left",
    ),
    (
        "light_side+",
        "light from right; lit from right; right lit; light on right; light to right; light "
        "coming from right; illuminated from right",
    ),
    (
        "gender+",
        "feminine; female; girly; womanly; ladylike; effeminate; girlie; girl like; woman "
        "like; more like a woman; like a girl; feminise; feminize; feminized; feminised; "
        "womanlike",
    ),
    (
        "gender-",
        "masculine; male; manly; macho; butch; virile; man like; masculinize; masculinise; "
        "more like a man; boy like; tomboy; tomboyish; manlier; dudely; alpha male",
    ),
    ("frown+", "frown; frowning; scowl; scowling; furrowed brow; knitted brow; frown line"),
    ("cheeks+", "chubby cheek; full cheek; puffy cheek; apple cheek"),
    ("cheeks-", "hollow cheek; high cheekbone; sunken cheek"),
    ("eye_makeup+", "smoky eye; smokey eye; eye makeup"),
    ("lips+", "pouty; pouty lip; duck lip; lip filler; fat lip"),
    (
        "skin_red+",
        "rosy cheek; ruddy; flushed; blushing; red cheek; rosy cheeked; ruddy cheek",
    ),
    ("brow_raise+", "raise eyebrow; raise brow; raise an eyebrow; quizzical"),
    (
        "exposure+",
        "bright picture; picture bright; photo bright; "
        "image bright; bright photo; bright image; brighten picture; brighten photo; "
        "brighten image; more light; bright light",
    ),
    (
        "exposure-",
        "dark picture; picture dark; photo dark; "
        "image dark; dark photo; dark image; darken picture; darken photo; darken image; "
        "less light",
    ),
    ("warmth+", "warm color; warm tone; warm light; warm picture; warm photo"),
    (
        "warmth-",
        "cool color; cold color; cool tone; cold tone; cool light; cool picture; cool photo",
    ),
    (
        "colourful+",
        "strong color; more color; vivid color; bright color; more saturation; vivid; "
        "vibrant; saturated; colorful",
    ),
    (
        "colourful-",
        "pale color; less color; muted color; less saturation; washed out; desaturated; faded "
        "color",
    ),
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
    "hair_dark+": "dark black brown raven jet brunette chestnut chocolate ebony inky darken",
    "hair_dark-": "light lighten",
    "hair_blond+1": "blond golden gold fair bleached yellow sandy platinum flaxen peroxide bleach",
    "hair_red+": "red ginger auburn orange copper coppery",
    "hair_grey+": "grey white silver silvery",
    "hair_length+": "long shoulder waist flowing lengthen lengthy extended extend",
    "hair_length-": "short cropped trimmed cut chop chopped shorten shortened snip buzzed trim",
    "hair_curly+": "curly wavy frizzy kinky curled permed curl wave ringlet",
    "hair_curly-": "straight sleek flat smooth ironed straighten straightened",
    "bald-": "thick full more dense",
    "bald+": "thin thinning sparse",
}
_NOUNS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("hair lock hairdo hairstyle mane tress barnet", "", _HAIR),
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
    ("glasses spectacle specs eyeglass eyeglasses", "glasses+1", {"glasses+1": "reading"}),
    ("makeup cosmetic foundation rouge", "makeup+", {}),
    (
        "lipstick",
        "lipstick+",
        {
            "lipstick+": "red dark bright ruby scarlet crimson rosy redden cherry",
            "lipstick-": "pale nude light natural bare",
        },
    ),
    (
        "lip",
        "",
        {
            "lipstick+": "red dark bright ruby scarlet crimson rosy redden cherry rouged",
            "lipstick-": "pale nude light natural bare",
            "lips+": "full thick big plump large fat juicy",
            "lips-": "thin small smaller narrow slim",
        },
    ),
    (
        "nose",
        "",
        {
            "nose_width+": "wide broad big large fat round",
            "nose_width-": "narrow thin slim small smaller little tiny",
            "nose_length+": "long",
            "nose_length-": "short",
        },
    ),
    ("chin", "", {"chin+": "long big strong large", "chin-": "short small smaller weak tiny"}),
    (
        "cheek",
        "",
        {
            "cheeks+": "full chubby round fat plump puffy big",
            "cheeks-": "hollow slim thin sunken gaunt lean",
            "skin_red+": "rosy red ruddy",
        },
    ),
    ("eyeshadow eyeliner mascara", "eye_makeup+", {"eye_makeup+": "dark heavy smoky black"}),
    (
        "skin complexion",
        "",
        {
            "skin_tone+": "pale light fair white lighten",
            "skin_tone-": "dark tan tanned brown bronzed black olive darken",
            "age+": "wrinkled wrinkly old",
            "age-": "smooth young youthful",
            "skin_red+": "ruddy red rosy flushed",
        },
    ),
    (
        "eyebrow brow",
        "eyebrows+",
        {
            "eyebrows+": "darken thick bushy full heavy dark big strong black bold wide thicken",
            "eyebrows-": "thin fine plucked light narrow pluck slim sparse",
            "brow_raise+": "raised lifted high arched raise lift",
            "brow_raise-": "lowered low",
            "frown+": "furrowed knitted furrow",
        },
    ),
    (
        "eye eyelid",
        "",
        {
            "eyes_open+": "open wide big opened large",
            "eyes_open-": "closed shut close narrow tired sleepy squint squinting squinty",
        },
    ),
    (
        "mouth jaw",
        "",
        {"mouth_open+": "open wide dropped opened agape", "mouth_open-": "closed shut close"},
    ),
    (
        "face jawline",
        "",
        {
            "face_width+": "round wide full fat chubby broad plump big widen large rounded",
            "face_width-": "slim thin narrow slender lean hollow gaunt slimming",
        },
    ),
    (
        "background backdrop",
        "",
        {
            "background-": "dark black dim darken darkened pitch",
            "background+": "light bright white pale lighten brighten",
            "background_warm+": "warm yellow orange golden",
            "background_warm-": "cool cold blue",
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
        "left": (Ask("pose", -1, 0.8), Ask("light_side", -1)),
        "leftward": (Ask("pose", -1, 0.8), None),
        "right": (Ask("pose", 1, 0.8), Ask("light_side", 1)),
        "rightward": (Ask("pose", 1, 0.8), None),
        "up": (Ask("pitch", 1), None),
        "upward": (Ask("pitch", 1), None),
        "down": (Ask("pitch", -1), None),
        "downward": (Ask("pitch", -1), None),
    }
)

#: What may be named as that at which somebody looks up, down or aside.
LOOKED_AT = word_set(
    "floor ground ceiling sky window door foot feet shoe shoes toe toes street horizon wall moon",
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
        "wipe",
        "wipe away",
        "yeet",
        "kill",
        "nix",
        "scrap",
        "banish",
        "undo",
        "discard",
        "eliminate",
        "skip",
        "toss",
        "dump",
        "zap",
        "get rid",
        "rid",
        "do away with",
        "say goodbye to",
        "goodbye",
        "bye",
        "bye bye",
        "no more",
        "not any",
        "not any more",
        "anymore",
        "not want",
        "not need",
        "not have",
        "wash off",
        "scrub off",
        "pull off",
        "take out",
        "non",
        "cancel",
        "hate",
        "enough with",
        "tired of",
        "sans",
        "devoid of",
        "neither",
        "clear",
    ]
)
#: Words behind a thing that take it away: "glasses off".
OFF = frozenset(["off", "gone", "begone", "removed", "deleted", "vanish", "disappear"])
#: Words for the picture itself, and for who is in it.
PICTURES = frozenset(["photo", "photograph", "picture", "image", "portrait", "pic", "selfie"])
PEOPLE = word_set(
    "he him his she her hers it they them their i me my man woman person guy girl boy lady face",
    "someone subject who whose",
)
#: Words that say one thing together, though one of them elsewhere separates clauses.
TOGETHER = frozenset([("twice", "as"), ("times", "as"), ("just", "as")])
#: Words that may stand between the words of a phrase.
SMALL = word_set(
    "a an the his her him my your their them its some that this those these it of me up so"
)
LESS = word_set(
    "less fewer reduce reduced decrease decreased lower lessen shrink diminish weaken soften",
    "weaker fade minimise minimize downplay smaller",
)
#: Words that with "down" ask for less.
TONING = frozenset(["tone", "dial", "cut", "scale", "bring", "reduce"])
#: Lights by name: without a side they say nothing that can be done.
LAMPS = frozenset(["sun", "lamp"])
#: Small words that turn the sense of a phrase round: such a clause is not taken for a near one.
TURNED_ROUND = frozenset(["down", "off", "away", "gone", "without", "lose", "against", "anti"])
#: The same in several words.
LESS_PHRASES: frozenset[tuple[str, ...]] = frozenset(
    tuple(phrase.split())
    for phrase in _phrases(
        "tone down; cut down; cut back; turn down; go easy on; dial down; not so much; "
        "not as much; "
        "half as much; take it easy on; scale back; not as; not so; not too; not that; dial back; "
        "ease up on; not quite so; less of"
    )
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
        *word_set(
            "bump amp crank ramp pump boost jack vibe vibes take takes taking",
            "add backwards chuck on onto other pop popping stick sticking than throw whack",
            "hanging total time knock coming bit put say says needs wants must rock bring let",
            "kinda kind sorta sort type absolutely definitely natural naturally actual actually",
            "honestly maybe perhaps slap mega such porn classy sexy stylish trendy fancy pics pic",
            "selfie today tomorrow forever ever were was if suddenly obviously clearly visibly",
            "noticeably yes yeah yep sure hi dear sir madam friend buddy man person where does",
            "back couple pair dem dat da wit ur im going gonna gotta wish love hope help human",
            "people gets until till see possibly grateful mind wondering whether able kindly",
            "appreciate obliged sorry trouble bother ask asking request",
        ),
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
        "colours": "color",
        "colors": "color",
        "coloured": "colored",
        "w/o": "without",
        "w": "with",
        "cant": "can not",
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
        "moar": "more",
        "wanna": "want",
        "backwards": "backward",
        "lets": "let",
        "goodbye": "goodbye",
        "dont": "do not",
        "u": "you",
        "w/": "with",
        "teh": "the",
        "hte": "the",
        "&": "and",
        "n": "and",
        "i'd": "i would",
        "you'd": "you would",
    }
)
#: Courtesies whose words would say something by themselves: they are left out of a prompt.
COURTESIES = (
    r"\b(?:thank you|thanks|thank u|cheers|ta)(?: (?:so|very))?"
    r"(?: much| a lot| a million| loads)?\b",
    r"\b(?:so|very) much appreciated\b",
    r"\b(?:if (?:it is|it's|that is|that's) )?not too much (?:trouble|bother|to ask)\b",
    r"\bif you (?:do not|don't|would not|wouldn't) mind\b",
    r"\bever so\b",
)
#: Pictographs as words; those of the last row say nothing. Any other is not understood.
PICTOGRAPHS: Mapping[str, str] = MappingProxyType(
    {
        sign: words
        for words, signs in (
            ("smiling", "😀😃😄😁😆😊🙂☺😂😅"),
            ("sad", "😢😭☹🙁😞😔😟"),
            ("glasses", "👓🤓"),
            ("old", "👴👵🧓"),
            ("young", "👶🧒"),
            ("surprised", "😮😲😯😱"),
            ("sleepy", "😴😪"),
            ("angry", "😠😡"),
            ("beard", "🧔"),
            ("lipstick", "💄💋"),
            ("", "🙏👍❤✨💖💕🔥🎉👌🥺♥⭐🌟"),
        )
        for sign in signs
    }
)
#: Pairs of words that are one.
JOINED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("make", "up"): "makeup",
        ("sun", "tan"): "suntan",
        ("hair", "line"): "hairline",
        ("de", "age"): "deage",
        ("no", "longer"): "without",
        ("un", "age"): "deage",
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

#: Things that people ask for and that no edit here can do: a clause that is nearer to one of these
#: than to anything known is not taken for the known thing.
OUT_OF_REACH = _phrases(
    "hat; cap; helmet; crown; scarf; mask; sunglasses; monocle; eye patch; earrings; "
    "necklace; tattoo; piercing; nose; big nose; ears; teeth; gold teeth; neck; shoulders; "
    "hands; arm; finger; shirt; jacket; dress; tie; suit; clothes; uniform; sky; beach; city; "
    "forest; mountain; room; building; car; plane; boat; tree; flowers; wings; horns; tail; "
    "halo; cigarette; microphone; telephone; gun; sword; cup of coffee; holding something; a "
    "dog; a cat; a horse; a bird; a fish; animal; monster; vampire; zombie; robot; alien; "
    "wizard; pirate; clown; superhero; statue; doll; baby; blue skin; green skin; blue hair; "
    "green hair; pink hair; rainbow hair; blue eyes; green eyes; brown eyes; red eyes; eye "
    "colour; cartoon; anime; painting; sketch; drawing; sculpture; black and white "
    "photograph; old photograph; sepia; blurry; sharper; brighter picture; contrast; sunset; "
    "night; snow; rain; fire; underwater; in space; flying; running; dancing; jumping; "
    "swimming; eating; drinking; crying; tears; sweat; blood; scar; freckles; mole; pimples; "
    "dimples; double chin; dreadlocks; ponytail; braids; bun; plait; sideburns; eyelashes; "
    "pregnant; muscular; tall; short person; two people; three eyes; another person; a famous "
    "actor; a politician; a singer; from behind; upside down; full body; zoom in; crop the "
    "picture; delete the file; what is the weather; hello; a question; standing; sitting; "
    "beautiful; handsome; ugly; rich; clever; dirty; wet; dark mood; happy ending; old car; "
    "young at heart; long sleeves; light shirt; red dress; red lips on the cheek; winking one "
    "eye; left eye closed; beard colour; blond beard; grey beard; red beard; hair accessory; "
    "headphones; face paint; clown makeup; lips bigger; chin; cheek tattoo; text; logo; "
    "frame; smoke; food; water; glass of water"
)
