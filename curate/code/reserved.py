"""What the head of a source file takes back without naming a licence: who may not use it, what it costs, whose it is.

The comment at the head of a file speaks of all of it, so that words count there that are parts of programs further down
("customers", "subscription"). A sentence is a doubt when it says one of the following: that some people need something or are
left out, that use is paid for or asked for, that copies stay inside, that the file has terms of its own, or whose property it is.
"""

import re
from functools import lru_cache

from curate.code.arrays import saved
from curate.code.described import may_limit, speaks_of_parts
from curate.code.names import fast, in_one_line, mentions
from curate.code.needles import Gates, gates, needed, opens

_WHO = (
    r"(?:compan(?:y|ies)|firms|business(?:es)?|corporations?|enterprises|organi[sz]ations?|start-?ups|governments?|agencies|schools|universities|students|pupils|teachers|academics"
    r"|researchers|individuals|employees|subscribers|sponsors|patrons|competitors|resellers|vendors|hobbyists|hospitals|banks|insurers|armies|freelancers|institutions|charities|professionals|customers)"
)
_KINDS = r"(?:academic|educational|scientific|teaching|classroom|scholarly|charitable|hobby|home|personal|private|research|students?|government|military|in-house|company|corporate|non-?profit|trial)"
_THING = r"(?:file|code|source|source code|software|script|module|program|library|document|work|material|package|header|project|repository|folder)s?"
_COPIED = r"(?:cop(?:y|ied|ies|ying)|(?:re)?distribut(?:e|ed|ion)|shared?|sold|resold|sell|publish(?:ed)?|reproduced?|disclosed?|forwarded|leaked|passed on|given away|lent|rented|leaves?|licen[sc]ed)"
_RUN = r"(?:us(?:e|ing)|run(?:ning)?|deploy(?:ing|ment)?|install(?:ing|ation)?|compil(?:e|ing)|read(?:ing)?|cop(?:y|ying)|production|open(?:ing)?|build(?:ing)?)"
_HEAD = fast(
    rf"\b{_WHO}\b[a-z0-9 ,.$%'-]{{0,60}}\b(?:needs?|must|requires?|pays?|buys?|purchase|have to|has to|shall|should|may not|cannot|are (?:not|excluded|banned|required|barred)|ask|contact|write to|talk to|call)\b[a-z0-9 ,.$%'-]{{0,60}}\b(?:paid|pay|fees?|plan|licen[sc]\w*|subscription|permission|consent|agreement|contract|buy|purchase|ask|contact us|us|quote|price|excluded|banned|barred|not use|not be|money|donate)\b"
    rf"|\b{_WHO} (?:are |is )?(?:excluded|excepted|banned|barred|not welcome|keep out|stay out|stay away|pay|must pay|need not apply)\b|\b(?:except|not|only|but not|unless)(?: for| to| by| used by)? (?:large |big |small |public |private |commercial |our |paying |registered )*{_WHO}\b(?! (?:with|that|which|from|in the|of (?:the|a|an|this|that) (?!company|firm|business|university)|whose|are returned|id|ids|field|name))"
    r"|\b(?:needs?|requires?|required|must have|must hold|without) (?:a|an|the|your|any) (?:[a-z-]+ ){0,2}(?:subscription|paid plan|membership|written (?:permission|consent)|(?:commercial|paid|separate|valid|enterprise|pro|business|professional) licen[sc]e)\b"
    r"|\b(?:only|needs?|must|requires?|for) (?:[a-z]+ ){0,2}paid (?:plans?|licen[sc]es?|subscriptions?|customers?|version|edition|tiers?|members?)\b|\bpaying (?:customers?|users?|members?|companies)\b"
    r"|\bfree (?:only )?(?:until|till|up to|as long as|while|during|for (?:the )?(?:first|non-?|academ|educat|personal|private|home|hobb|students?|schools?|individuals?|small|charit|research|internal)|of charge (?:for|to|until|in)\b)|\bnot free\b(?! (?:of|from|the|up|memory))|\bfree of charge for\b"
    r"|\b(?:afterwards|thereafter|from then on|after (?:that|this) date)\b[a-z0-9 ,]{0,60}\b(?:ask|pay|buy|licen[sc]\w*|reserved|proprietary|commercial|closed|contact|purchase)\b"
    r"|\bask (?:us|me|the (?:author|owner|maintainer)s?|for permission)\b|\b(?:contact|call|e-?mail|write to|write|get in touch with) (?:us|me|sales|the (?:author|owner|company)s?)(?: first)? (?:for|before|to) (?:[a-z]+ ){0,3}(?:us(?:e|es|ing|age)|licen[sc]\w*|permission|pric\w+|commercial\w*|buy|purchase|deploy\w*|distribut\w*|copying|terms)\b"
    rf"|\b{_KINDS} (?:(?:and|or) [a-z]+ )?(?:use|usage|purposes?) only\b|\b(?:only|solely|exclusively) (?:for|in) {_KINDS} (?:use|usage|purposes?|projects?|work)\b|\bonly {_KINDS} (?:use|usage)\b"
    rf"|\bth(?:is|ese|e) {_THING}\b[a-z0-9 ,'-]{{0,60}}\b(?:may|must|shall|can|cannot|should|is to|are to)\b[a-z0-9 ,'-]{{0,60}}\b(?:not|never|only|unless|except|nobody|no one|without)\b[a-z0-9 ,'-]{{0,40}}\b{_COPIED}\b"
    rf"|\bth(?:is|ese|e) {_THING}\b[a-z0-9 ,'-]{{0,60}}\b(?:cannot|must never|may never)\b[a-z0-9 ,'-]{{0,40}}\b{_COPIED}\b"
    rf"|\bth(?:is|ese) {_THING} (?:is|are|remains?|stays?|belongs?|contains?) (?:[a-z]+ ){{0,3}}(?:confidential|proprietary|(?:trade )?secrets?|classified|unpublished|closed[- ]source|off[- ]limits)\b"
    r"|^\W*(?:strictly |company |highly |top |most )*(?:confidential|proprietary|classified|secret information|closed[- ]source)\W*$"
    rf"|^\W*(?:please )?(?:do not|don't|never) (?:re)?(?:distribute|copy|share|publish|sell|leak|disclose|forward|reproduce|train)(?: (?:this|it|the|these|on))*(?: {_THING})?(?: (?:or|and) [a-z]+)?(?: (?:this|it))?(?: {_THING})?\W*$"
    r"|\b(?:all rights |ownership |copyright )?(?:owned (?:solely |exclusively )?by|belongs? (?:solely |exclusively )?to|made (?:exclusively )?for|licensed from|internal to|courtesy of|(?:by|with) (?:kind )?permission(?: of| from|$)|used by permission) (?:[a-z0-9&.,]+ ){0,4}(?:inc|ltd|llc|gmbh|corp|corporation|company|ag|plc|bv)\b"
    rf"|\b(?:get|buy|obtain|request|order|need|needs|requires?) (?:an? |the |your )(?:[a-z]+ )?(?:keys?|permit|serial number|activation code)(?: (?:at|from|on|of) [^ ]+)? (?:before|to|for|in) (?:you |your |we |any )?{_RUN}\b"
    rf"|\b(?:an? |the )(?:valid |paid |own )?(?:keys?|permit|serial number|activation code) (?:is|are) (?:necessary|needed|required|mandatory) (?:before|to|for|in) (?:you |any )?{_RUN}\b"
    r"|\b(?:only|solely|exclusively|reserved) (?:for|to|by) (?:the |our |all )?(?:registered |lawful |proud )?(?:owners of|buyers|purchasers|licensees|staff|contractors|pupils|alumni|donors|backers|readers of|holders of)\b"
    r"|\b(?:bots?|robots?|crawlers?|spiders?|scrapers?|llms?|chatbots?|ai (?:agents?|models?|systems?|companies)|machines|language models?)\b[a-z ,]{0,20}\b(?:may|must|shall|should|can|are)(?: ?not|n.t| never| neither)\b[a-z ,]{0,20}\b(?:read|crawl|scrape|index|cop(?:y|ied)|ingest|fetch|train(?:ed)?|learn|use|allowed|welcome)\b"
    r"|\ball rights (?:with|stay|remain|belong|are held|lie|go|rest)\b|\brights (?:remain|stay|lie|belong|reside|rest) with\b|^\W*(?:copyleft|freeware|shareware|unlicensed|unlicenced|(?:source|code)[- ]available|shared[- ]source)(?: code| software)?\W*$"
    r"|\bnot for production\b|\bno (?:commercial )?(?:copying|scraping|forks?|forking|reselling|resale|redistribution|derivatives|sublicensing|training)\b(?! (?:set|data|step|phase|loop))"
    r"|\bused (?:by|with) (?:kind )?permission\b|\b(?:under|subject to|covered by) (?:an? |the )?nda\b|\b(?:abandon|crippl|nag|guilt|care|donation)ware\b|\bnot (?:be )?(?:open[- ]source|free software)\b"
    r"|\b(?:not|never) (?:to )?be (?:shared|sold|published|copied|leaked|disclosed|passed on)\b|\bother terms\b|\b(?:different|separate|special|other) licen[sc]es? (?:appl|hold)|^\W*separately licen[sc]ed|\bterms (?:do not|don't|does not) (?:extend|apply)|\b(?:isn't|aren't|is not|are not) (?:covered|free)\b[a-z ,']{0,40}(?:licen[sc]|$)"
    r"|\bpatents? [\d,./]{4,}[^.]{0,40}\b(?:licen[sc]|needed|required|royalt)|\bif your? (?:firm|company|business|employer|team|organi[sz]ation)\b"
    r"|\b(?:sole |exclusive |private |intellectual )?property of (?!the (?:object|element|node|class|file|css|window|document|model|array|given|current|same|parent|target)|an? |each |this |its |their (?:respective )?(?:owner|holder)|every )"
    r"|\b(?:exempt|excluded|excepted|carved out|left out|not covered|not subject|does not fall|do not fall|falls? outside|outside)\b[a-z ',]{0,40}\blicen[sc]"
    r"|\blicen[sc]e (?:of|in|for|at) (?:the|this) (?:[a-z'-]+ ){1,3}(?:does not|doesn't|do not|don't|never|is not|cannot)\b[a-z ]{0,20}\b(?:apply|cover|extend|hold|include|valid|reach)"
    rf"|\bth(?:is|ese) {_THING} (?:is|are|has|have|comes?|carry|carries|falls?)\b[a-z ]{{0,20}}\b(?:(?:its|their) own|a different|different|another|a separate|separate|a special|special) (?:terms|licen[sc]|conditions)|\bth(?:is|ese) {_THING} (?:is|are) (?:separately|differently|individually) licen[sc]ed"
    r"|\b(?:never|do not|don't|not to be|must not|may not|not|no)\b(?: be)?(?: use[ds]?| using| deploy(?:ed)?| run| ship(?:ped)?)?(?: it| this| them)?(?: code| software| file| library)? (?:in|for|by|at|on|near|aboard) (?:[a-z]+ ){0,2}(?:weapons?|weaponry|nuclear|military|warfare|hospitals?|casinos?|gambling|surveillance|aircraft|life support|drones?|missiles?|police|armed forces|reactors?)\b"
)  # fmt: skip
_NOT = r"(?<!we )(?<!deliberately )(?<!they )(?:do not|don't|never|not to|(?:you|they|users?|visitors?) (?:must|may|can|shall|should)(?: not|n't)|you cannot|(?:nobody|no one|no-one|none) (?:must|may|can|shall|should)|must not|may not|shall not)"
_PROGRAMMED = (
    r"(?:edit|modif\w+|change|import|call|use|run|touch|remove|delete|instantiate|subclass|invoke|rely|depend|rename|move|add|mix|confuse|format|reorder|sort|override|overwrite|mock|forget|execute|enable|disable|set|load|include|commit|check"
    r"|merge|inherit|extend|translate|trust|expect|assume|expose|reference|require|store|treat|try|put|pass|write|need|wait|work|want|mutate|update|get|be|do|go|let|make|mind|worry|look|see|have|apply|build|compile|test|link|raise|return|print|log|lint|refactor|simplify|inline|cache|hash|parse|convert|replace|insert|open|close|start|stop|create|call|assert|catch|handle|ignore|skip|show this message|think|turn|keep|bother|define|declare|register|access|combine|reuse|break|split|cross|block|happen|support|install|simply|only|fix|rewrite|generate|implement|count|compare|match|report|request|ask|manually|directly|automatically|accidentally|blindly)"
)
"""What programmers tell each other not to do with a part of a program."""
_ITSELF = rf"(?:this|these|it)(?: (?:source )?{_THING})?(?= (?:in|into|on|to|with|for|as|at|by|outside|without|anywhere|abroad|elsewhere|around|or|and|from|beyond|online|off|through|under)\b|\W*$|[.,;:!])"
_OUTSIDERS = r"(?:(?:the |our |your |this |any )?(?:company|country|organi[sz]ation|team|office|campus|premises|consortium|university|institute|agency|ministry|lab|laborator(?:y|ies)|firm|family|eu|european union|u\.?s\.?a?|united states|uk|public|third[- ]part(?:y|ies)|outsiders?|strangers?|competitors?|press|customers?|clients?))\b"
_USERS = r"(?:licensees?|recipients?|reviewers?|evaluators?|testers?|redistributors?|(?:re)?sellers?|buyers?|members?|customers?|subscribers?|students?|employees?|contractors?|partners?|sponsors?|developers?|forks?|derivatives?|copies|mirrors?)"
_KINDS_OF_HEADS = {
    "a ban on doing something with the file": rf"\b{_NOT} (?!{_PROGRAMMED}\b)[a-z]+(?:e|ing)?(?: [a-z-]+){{0,4}}? {_ITSELF}",
    "to be kept where it is": (
        rf"\bkeep (?:this|these|it)(?: {_THING})? (?:within|inside|in-?house|among|between|secret|private|confidential|internal|to yourself|off|out of|away from)\b"
        rf"|\b(?:not|never)(?: to)? be (?:\w+ ){{0,2}}(?:shown|given|handed|sent|passed|exported|revealed|uploaded|posted|read|viewed|seen|taken|moved) (?:to|by|outside|out of|beyond|off|abroad|on)\b(?: \w+)? ?{_OUTSIDERS}"
        rf"|\b(?:outside|beyond|leaves?|leaving|out of) {_OUTSIDERS}|\bsend (?:this|these|it)? ?(?:{_THING} )?abroad\b|\b(?:handle|treat|mark(?:ed)?) as (?:restricted|confidential|classified|secret|sensitive|internal|private)\b|^\W*(?:strictly )?(?:restricted|classified|confidential|secret|sensitive|embargoed)(?: (?:material|information|document|file))?\W*$"
        r"|\bnot (?:yet )?(?:been )?(?:cleared|approved|intended|meant|authori[sz]ed) for (?:[a-z]+ )?(?:release|publication|distribution|public|export|disclosure|sale)\b|\bdistribution list\b|\bdistribution: (?:limited|restricted|internal)|\bexport[- ](?:control|restrict|licen[sc]|regulat)\w*"
    ),
    "of others": (
        r"\b(?:decompiled|disassembled|de-?obfuscated) (?:from|by|with|using|out of)\b|\b(?:by|through|via|from) (?:a )?(?:decompil|disassembl)(?:ing|ation|y)\b|\bby reverse[- ]engineering\b"
        r"|\bon loan (?:from|by|to)\b|\b(?:we|i|who|has|have|was|were) lent\b|\b(?:extracted|typed in|scanned|ripped|transcribed|reproduced|reprinted|excerpted|recovered|dumped|taken|lifted|copied) from (?:the |an? )?(?:[a-z-]+ )?(?:books?|magazines?|journals?|articles?|courses?|install(?:er|ation)|firmware|roms?|binar(?:y|ies)|vendors?|devices?|products?|manuals?|cds?|dvds?|forums?|leaks?|competitors?)\b"
        r"|\b(?:sample|excerpt|extract|demo|preview|teaser|part)s? (?:from|of) (?:the |an? |our )?(?:[a-z-]+ )?(?:paid|commercial|full|book|course|magazine|product)\b|\b(?:lent|leased|rented|loaned|licen[sc]ed out) (?:to|by|from)\b"
        rf"|\bth(?:is|ese) {_THING} (?:was|were|has been|have been|is|are) (?:bought|purchased|rented|leased|acquired|stolen|leaked|lent|loaned|borrowed|seized|commissioned|paid for|written for hire|a trial|an? (?:evaluation|demo|preview|sample|review) (?:copy|version|licen[sc]e))\b"
        r"|\bpatents?\b[^.]{0,60}\b(?:held|owned|pending|assigned|belongs?|applied for|applies)\b|\b(?:is|are|was|been) patented\b|\bpatented (?:by|technolog)\w*|\bcovered by (?:[a-z0-9.,-]+ ){0,3}patents?\b"
    ),
    "terms for those who use it": (
        rf"\b{_USERS}\b[^.;]{{0,60}}\b(?:may|must|shall|can|cannot|are|is|has to|have to|needs? to) (?:not |only |never |also |then |first |be |get )*(?:use|used|run|look at|read|view|keep|evaluate|share|sell|distribute|redistribute|copy|copied|deploy|deployed|ship|publish|published|benchmark|modify|resell|approved|reviewed|registered|reported|permitted|allowed|entitled|bound|obliged|required)\b(?: (?:this|it|these|to|by|benchmark\w*|results?)\b|\W*$)"
        r"|\b(?:any|each|every|all) (?:[a-z]+ )?(?:services?|products?|sites?|web ?sites?|apps?|companies|company|uses?|deployments?|installations?|works?|devices?|publications?|papers?) (?:that|which|using|built|made|based|with|of)\b[^.;]{0,80}\b(?:must|shall|has to|have to|needs? to|is to|are to)\b"
        r"|\bif you(?:'re| are)? (?:work(?:ing)?|employed) (?:for|at|in|with|on behalf of)\b|\bstop reading\b|\bread no further\b|\bclose this file\b"
        r"|\b(?:fine|ok|okay|free|welcome|allowed|permitted|invited) to (?:read|look|view|study|learn)\b[^.;]{0,60}\b(?:but|not|only|write your own)\b|\blook,? (?:but )?(?:don't|do not) (?:touch|copy|take)\b|\bwrite your own\b|\b(?:selling|sharing|copying|publishing|redistributing|reselling|leaking|spreading|pirating) (?:it|this|these)\b|\b(?:is|are) not (?:welcome|wanted|tolerated)\b|\b(?:unlock|activate|upgrade|order|buy|purchase)\b[^.;]{0,40}\b(?:shops?|store|licen[sc]e|subscription|paid)\b"
        r"|\bfor the (?:sole|exclusive|internal|private|personal) (?:use|benefit|purposes?)\b|\b(?:sole|exclusive) (?:use|benefit|licen[sc]ee) of\b|\bby (?:reading|opening|using|running|downloading|copying|installing) (?:this|it|these)\b[^.;]{0,60}\b(?:agree|accept|consent|acknowledge|promise|undertake)"
    ),
    "marks of secrecy": (
        r"\bnda\b|\bsla ?\d{3,}\b|\beula\b|\btspa\b|\binternal (?:drop|build|release|copy|version)\b|\b(?:customer|partner|oem|licensee) (?:drop|build|copy)\b|\b(?:apple|microsoft|intel|nvidia|oracle|sony|nintendo|qualcomm|broadcom|microchip|nxp|texas instruments|mathworks|adobe|sap) (?:sample|example|reference|sdk|demo) (?:code|source|header|file|project)s?\b|\bcopyright law\b|\bunder wraps\b|\bunlicen[sc]ed cop(?:y|ies)\b|\btlp ?: ?(?:red|amber|green)\b|\btdm-(?:reservation|policy)\b|\bunder (?:an? |the )?embargo\b|\bunder nda\b|\(nda\b|\bnda\)|\b(?:strip|remove|delete|drop) this (?:file|module|code) (?:from|in|before) (?:the |all |any )?(?:open|public|free|release|community|external)\b"
        r"|\bvertraulich\w*|\bnicht weiter(?:geben|zugeben|verbreiten)\b|\binterne[rsn]? (?:code|quellcode|gebrauch)\b|\bconfidentiel\w*|\bconfidencial\w*|\bconfidenziale\b|\briservat[oaie]\b|\brestringid[oa]s?\b|\bc[^ -~]{1,2}digo (?:de pago|privado|cerrado|reservado)\b|\br[^ -~]{1,2}serv[^ -~]{1,2}(?:e?s)?\b|\b(?:usage|uso) intern[eo]\b"
    ),
    "programs and books of others": (
        r"\bnumerical recipes\b|\bhsl archive\b|\b(?:ghidra|hex-?rays|ida pro|decompiler) (?:output|listing|dump|pseudo-?code)\b|\b(?:translat(?:ed|ion)|port(?:ed)?|retyped|transcribed|converted|copied|adapted) (?:from|of) matlab's\b"
        r"|\b(?:class(?:es)?|functions?|modules?|methods?|code|routines?|files?), (?:retyped|decompiled|disassembled|deobfuscated)\b"
    ),
    "words of contracts": (
        r"\bth(?:is|e|ese) (?:[a-z-]+ ){0,2}agreements?\b(?! (?:of|between|with) (?:the )?(?:test|result|value|data|prediction|rat)\w*)|\b(?:under|of|to|in|by) (?:this|these|such|said) licen[cs]es?\b|\bthis licen[cs]e (?:is(?! (?:osi[- ])?approved)|does|do|applies|shall|will|may|must|grants?|terminates?|covers?|cannot|gives?|lets?|allows?|permits?)\b"
        r"|\bversions? [0-9][0-9.]* of (?:the|this|that) licen[cs]e\b|\b(?:licensors?|sub-?licensees?|covered (?:code|software|works?)|derivative works?(?! ?-)|contributor version|initial (?:developer|contributor)|larger works?|invariant sections?|cover texts?|corresponding source|corresponding application code)\b"
        r"|\bparties (?:hereby )?(?:agree|consent|shall|acknowledge)\b|\bgoverning law\b|\b(?:personal|exclusive) jurisdiction\b|\bindemnif(?:y|ies|ied|ication)\b|\bhold harmless\b|\bforce majeure\b|\bseverability\b|\bexport (?:laws?|administration)\b|\bdecompile[, ]+(?:or )?(?:disassemble|reverse)|\bdisassemble[, ]+(?:or )?(?:decompile|reverse)"
        r"|\b(?:hereunder|hereof|hereto|hereinafter|hereinabove|thereunder|heretofore)\b|\b(?:licen[cs]e|contract|agreement|grant)(?:d? rights?)?(?: granted)?[a-z ]{0,40}\b(?:will|shall|may) (?:immediately |automatically )?(?:terminate|expire|lapse|end)\b"
    ),
}  # fmt: skip
"""What else a head may say: each kind by words that speak of the file and of people, and of no part of a program."""
_OTHERS = fast("|".join(_KINDS_OF_HEADS.values()))
_ANYWHERE = fast(
    "|".join(
        [
            _HEAD.pattern,
            *(
                _KINDS_OF_HEADS[kind]
                for kind in ("of others", "marks of secrecy", "programs and books of others", "words of contracts")
            ),
        ]
    )
)
"""What takes a file back in a comment of any place."""
_OF_PROGRAMS = re.compile(
    r"(?:sole |exclusive |private |intellectual )?property of |(?:not|never) (?:to )?be (?:published|shared|copied|passed on)|by decompil"
)
"""What of it speaks of programs as often."""
_LABEL = re.compile(r"\W*(?:(?:project|code|file|source|software) )?(?:licen[sc]e|licensing|legal|terms(?: of use)?)(?: terms)?\s*:\s+(?P<value>\S.*)$", re.I | re.S)  # fmt: skip
_LABEL_WORDS = re.compile(r"[A-Za-z]")


_ALONE = (b"for use ", b"be used ", b"classified", b"restricted", b"sensitive", b"embargoed")
"""What patterns for whole sentences begin with, which a look at the whole head does not find."""


def may_reserve(text: bytes) -> bool:
    """Whether the head of a file has words that may take something back: a quick look."""
    if may_limit(text):
        return True
    low = b" ".join(text.lower().split())
    if any(word in low for word in _ALONE):
        return True
    return any(pattern.rough.search(low) is not None for pattern in (_HEAD, _OTHERS))


@lru_cache(maxsize=1)
def _gates() -> Gates:
    """The words without one of which a sentence matches neither pattern."""
    return Gates(**saved("reserved", lambda: gates({1: needed(_HEAD.pattern), 2: needed(_OTHERS.pattern)})))


@lru_cache(maxsize=20_000)
def reserved_in_head(said: str) -> str | None:
    """The words of a sentence at the head of a file that take something back, or None.

    A label `License:` with words behind it that name no licence and no file is one, too.
    """
    line = in_one_line(said)
    may = opens(line.data, _gates())
    found = (m for bit, pattern in enumerate((_HEAD, _OTHERS)) if may >> bit & 1 for m in pattern.finditer(line))
    match = next((m for m in found if not _is_of_robots(line.text, m.group())), None)
    if match is not None:
        return match.group()
    place = _FOR_USE.match(in_one_line(said).text)
    if place and len(said) < MOST_PLACE and not speaks_of_parts(place.group("place")):
        return place.group()
    label = _LABEL.match(said)
    if label and _LABEL_WORDS.search(label.group("value")) and not mentions(said.lower()):
        return None if _VAGUE.search(label.group("value")) else said[:100]
    return None


def _is_of_robots(line: str, found: str) -> bool:
    """Whether a sentence tells of what `robots.txt` says of other pages."""
    return "robots.txt" in line and re.match(r"(?:ro)?bots?|crawlers?|spiders?|scrapers?", found) is not None


def reserved_anywhere(said: str) -> str | None:
    """The words of a sentence of a comment further down that take something back, or None."""
    line = in_one_line(said)
    found = (m for m in _ANYWHERE.finditer(line) if not _OF_PROGRAMS.match(m.group()))
    matches = (m for m in found if not _is_of_robots(line.text, m.group()))
    return next((m.group() for m in matches), None)


def anywhere() -> str:
    """The pattern of what takes a file back in a comment of any place."""
    return _ANYWHERE.pattern


_FOR_USE = re.compile(
    r"\W*(?:only |solely |exclusively )?(?:for|to be) use[d]? (?:only )?(?:in|by|at|within|on|inside)\b(?P<place>.*)$"
)
MOST_PLACE = 80
"""Characters of a sentence that says where alone something may be used ("For use in class.")."""
_VAGUE = re.compile(r"\b(?:LICEN[SC]E|COPYING|COPYRIGHT|NOTICE|README)|licen[sc]e|\bopen[- ]source\b|https?://|www\.|\bbsd\b|\bsee (?:below|above|accompanying|file|the (?:accompanying|end|bottom|top|file|docs?|documentation|project|repository|package|root|web ?site|source))", re.I)  # fmt: skip
"""Values of the label that say too little to say anything, or that point somewhere."""
