"""What LaTeX's own commands and environments are worth in running text.

Arguments are written as letters: `s` a star, `o` one in [ ], `m` one that goes, `k` one that is text and stays.
"""

from curate.tex.symbols import names

ARGUMENTS = {
    "k": """
        emph textbf textit textrm textsf texttt textsc textsl textup textmd textnormal textlf underline uline uuline
        uwave mbox hbox fbox text centerline leftline rightline MakeUppercase MakeLowercase uppercase lowercase
        boxed ensuremath vbox vtop sout hl ul so caps st textsuperscript textsubscript enquote url nolinkurl path
        thanksref title shorttitle markboth ac acs acl acf acp acsp aclp acfp Ac Acp gls Gls glspl Glspl acrshort
        acrlong acrfull num si ce textquote blockquote smash bm operatorname llap rlap textgreek textcyrillic
        protect
    """,
    "mk": "href hyperlink hypertarget foreignlanguage scalebox rotatebox translate",
    "omk": "textcolor colorbox",
    "ok": "makebox framebox hyperref",
    "oook": "parbox0",
    "ommk": "fcolorbox",
    "mook": "raisebox",
    "smmk": "resizebox",
    "mmk": "multicolumn ifthenelse iflanguage @ifundefined IfBooleanTF IfNoValueTF ifstrequal",
    "omoomk": "multirow",
    "km": "texorpdfstring",
    "okk": "SI qty lettrine IEEEPARstart",
    "okkk": "SIrange qtyrange",
    "kk": "IEEEPARstart",
    "okkm": "lettrine",
    "som": "vspace hspace addvspace",
    "m": """
        label ref eqref pageref autoref Autoref cref Cref cpageref namecref nameref vref Vref fref Fref Sref secref
        figref tabref ref* bibliographystyle pagestyle thispagestyle pagenumbering vspace hspace usetikzlibrary
        graphicspath hyphenation index glossary date email institute setcitestyle includeonly nocite theoremstyle
        urlstyle selectlanguage refstepcounter stepcounter hypersetup sisetup lstset tikzset pgfplotsset geometry
        pdfinfo listfiles pacs preprint received revised accepted published orcid orcidID doi eprint arxivnumber ead
        homepage urldate corref fnref tnoteref inst thanksmark titlerunning authorrunning tocauthor toctitle city
        country postcode streetaddress state department acmYear acmISBN acmDOI acmJournal acmVolume acmNumber
        acmArticle acmMonth acmPrice copyrightyear setcopyright vphantom hphantom phantom cline addbibresource
        bibdata citestyle linespread special nobibliography markright arrayrulecolor typeout message showhyphens
        pubnum preprintnumber Received Accepted offprints mail titlefoot dedicatory curraddr urladdr commby
        newsavebox usebox csuse fancyhf usecolortheme usetheme
    """,
    "om": """
        color captionsetup includegraphics includesvg includepdf todo missingfigure author affil affiliation
        altaffiliation address keywords subjclass fntext cortext ead tnotetext nomenclature acmConference
        institution fancyhead fancyfoot setlist lhead rhead pdfbookmark bibitem documentclass documentstyle
        usepackage RequirePackage LoadClass NeedsTeXFormat ProvidesPackage ProvidesClass psfig epsfig epsfbox
        epsffile rowcolor cellcolor columncolor ccsdesc setmainfont setsansfont setmonofont cmidrule marginpar
        marginnote sidenote DeclareGraphicsExtensions usefonttheme lstinputlisting verbatiminput bibliography
        pgfimage thanks authornote shortauthors
    """,
    "mm": """
        setlength addtolength setcounter addtocounter numberwithin fontsize settowidth settoheight settodepth
        DeclareUnicodeCharacter counterwithin setbeamertemplate setbeamercolor setbeamerfont PassOptionsToPackage
        altaffiltext addtocontents bibinfo DeclareFieldFormat SetKwInOut SetKwFunction markboth @addtoreset colorlet
        rule
    """,
    "omm": "definecolor titlespacing newtcolorbox newcolumntype rule sidecaption",
    "mmm": "addcontentsline crefname Crefname titlespacing definecolor IfFileExists",
    "mmmm": "DeclareSymbolFont DeclareMathSymbol",
    "mmmmm": "DeclareMathAlphabet SetMathAlphabet titleformat SetSymbolFont",
    "mmmmmm": "DeclareFontShape",
    "ommmm": "patchcmd",
    "oom": """
        cite citep citet citealt citealp citeauthor citeyear citeyearpar Cite Citep Citet Citealt Citeauthor
        parencite textcite footcite autocite Parencite Textcite Autocite supercite fullcite citenum onlinecite
        citetext citeNP citeN shortcite shortciteN citeasnoun nocitep bibentry citen cites cite* citeA citeP citeT
        newcite
    """,
}
"""Arguments -> the commands that have them."""
SPECS = {name: spec for spec, names in ARGUMENTS.items() for name in names.split()}
CITES = frozenset(
    [
        *ARGUMENTS["oom"].split(),
        *[
            "ref",
            "eqref",
            "pageref",
            "autoref",
            "Autoref",
            "cref",
            "Cref",
            "cpageref",
            "namecref",
            "nameref",
            "vref",
            "Vref",
        ],
    ]
)
"""Commands that stand for a number that is not in the source; the space before them goes with them."""
SECTIONS = names("part chapter section subsection subsubsection beginsection section* chapter*")
PARAGRAPHS = frozenset(("paragraph", "subparagraph"))
REFERENCES = frozenset(
    [
        "references",
        "bibliography",
        "literature",
        "literature cited",
        "references and notes",
        "works cited",
        "references cited",
    ]
)
"""Headings (in lower case) of a list of references that is no environment."""
MATH = names("""equation align gather multline eqnarray displaymath math flalign alignat eqnarray* subeqnarray IEEEeqnarray dmath
    xalignat xxalignat dgroup empheq""")
VERBATIM = names("verbatim lstlisting Verbatim minted alltt BVerbatim LVerbatim listing semiverbatim")
DROPPED = names("""tikzpicture pspicture picture comment filecontents CCSXML pgfpicture asy thebibliography tikzcd psmatrix circuitikz
    pgfplots axis forest dot2tex feynman fmffile fmfgraph chemfig references""")
FIGURES = names("figure wrapfigure SCfigure sidewaysfigure floatingfigure subfigure teaserfigure figwindow")
ENVIRONMENT_ARGUMENTS = {
    "tabular": "om", "tabular*": "mom", "tabularx": "mom", "tabulary": "mom", "longtable": "om", "supertabular": "m",
    "xtabular": "m", "tabbing": "", "array": "om", "minipage": "ooom", "multicols": "m", "wrapfigure": "omom",
    "wraptable": "omom", "figure": "o", "table": "o", "SCfigure": "o", "sidewaysfigure": "o", "sidewaystable": "o",
    "subfigure": "om", "subtable": "om", "itemize": "o", "enumerate": "o", "description": "o", "compactitem": "o",
    "list": "mm", "adjustbox": "m", "threeparttable": "o", "tablenotes": "o", "algorithm": "o", "algorithmic": "o",
    "algorithm2e": "o", "adjustwidth": "mm", "otherlanguage": "m", "spacing": "m", "mdframed": "o", "tcolorbox": "o",
    "landscape": "", "deluxetable": "m", "scriptsize": "", "turnpage": "", "frame": "o", "columns": "o", "column": "m",
    "block": "k", "tabularray": "om", "tblr": "om", "longtblr": "om", "ruledtabular": "",
}  # fmt: skip
"""Arguments of environments that go."""
TABLES = names("tabular tabularx tabulary longtable supertabular xtabular deluxetable tblr longtblr tabbing array")
THEOREMS = {
    "theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary", "proof": "Proof",
    "definition": "Definition", "remark": "Remark", "example": "Example", "conjecture": "Conjecture",
}  # fmt: skip
BREAKS = names("""par paragraphs bigskip medskip smallskip newpage clearpage cleardoublepage pagebreak maketitle vfill vfil eject
    bigbreak medbreak smallbreak endproclaim enddemo endhead endheading
    endsubhead endsubheading filbreak goodbreak""")
"""Commands that end a paragraph."""
SPACES = frozenset(
    [
        " ",
        ",",
        ";",
        ":",
        ">",
        "\n",
        "\t",
        "quad",
        "qquad",
        "enspace",
        "thinspace",
        "enskip",
        "space",
        "hfill",
        "hfil",
        "nobreakspace",
        "",
        "hss",
        "hspace",
        "hskip",
        "nbsp",
        "",
    ]
)
CONDITIONS = names("""if ifcat ifx ifnum ifdim ifodd ifvmode ifhmode ifmmode ifinner ifvoid ifhbox ifvbox ifeof iftrue iffalse ifcase
    ifdefined ifcsname ifpdf ifxetex ifluatex iftutex ifPDFTeX ifXeTeX ifLuaTeX iffontchar ifincsname""")
