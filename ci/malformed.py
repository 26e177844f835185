"""Malformed scenarios: one wrong thing each, where the parser must point at, and a part of what it must say.

In a case's text the mark <!> stands right before the byte that the message's line and column must name; it is taken out before
the file is written.
"""

from typing import NamedTuple

MARK = b"<!>"

HEADER = """test: A malformed file.
origin: claim 1
crash: kill power
"""

OPEN = HEADER + """open -f f
truncate 64k
---
"""

MAPPED = OPEN + "mmap -rw 0 64k\n"


class Case(NamedTuple):
    name: str
    data: bytes
    line: int
    column: int
    says: str


def case(name, text, says):
    data = text if isinstance(text, bytes) else text.encode()
    assert data.count(MARK) == 1, name
    before = data[: data.index(MARK)]
    line = before.count(b"\n") + 1
    column = len(before) - (before.rfind(b"\n") + 1) + 1
    return Case(name, data.replace(MARK, b""), line, column, says)


CASES = [
    # bytes
    case("empty", "<!>", "found an empty file, expected header 'test:'"),
    case("blank-lines-only", "\n\n\n<!>", "expected header 'test:'"),
    case("comments-only", "# nothing\n# at all\n<!>", "expected header 'test:'"),
    case("nul-byte", MAPPED.encode() + b"mwrite <!>\x000 4k\n", "found a NUL byte, expected text"),
    case("binary", b"<!>\x7fELF\x02\x01\x01" + bytes(range(256)), "found control byte 0x7f, expected text"),
    case("control-byte", MAPPED.encode() + b"mwrite <!>\x1b[0m 4k\n", "found control byte 0x1b"),
    case("carriage-return", b"test: x<!>\r\norigin: y\r\n", "found a carriage return"),
    case("not-utf-8", b"test: caf<!>\xe9\n", "found byte 0xe9 that is not UTF-8"),
    case("utf-8-overlong", b"test: <!>\xc0\xaf\n", "that is not UTF-8"),
    case("utf-8-surrogate", b"test: <!>\xed\xa0\x80\n", "that is not UTF-8"),
    case("utf-8-cut-off", b"test: <!>\xe2\x82", "that is not UTF-8"),
    case("utf-16", b"<!>\xff\xfet\x00e\x00s\x00t\x00", "that is not UTF-8"),
    case("line-too-long", "test: " + "x" * 994 + "<!>x" * 1 + "x" * 99 + "\n", "expected at most 1000 bytes in a line"),
    # headers
    case("no-header", "<!>open -f f\n", "found a step, expected header 'test:' above it"),
    case("test-missing", "origin: claim 1\ncrash: kill\n<!>open -f f\n", "expected header 'test:' above it"),
    case("origin-missing", "test: x\ncrash: kill\n<!>open -f f\n", "expected header 'origin:' above it"),
    case("crash-missing", "test: x\norigin: y\n  <!>open -f f\n", "expected header 'crash:' above it"),
    case("headers-and-no-step", HEADER + "<!>", "found the end of the file, expected a step"),
    case("only-some-headers", "test: x\n<!>", "found the end of the file, expected header 'origin:' above it"),
    case("test-empty", "test:<!>\norigin: y\n", "found nothing behind 'test:', expected a sentence"),
    case("origin-empty", "test: x\norigin:  <!># none\n", "found nothing behind 'origin:'"),
    case("test-twice", "test: x\n<!>test: y\n", "found a second header 'test:', expected each header once"),
    case("unknown-header", "test: x\n<!>author: me\n", "found 'author', expected a header: test, origin"),
    case("header-misspelt", "<!>tset: x\n", "found 'tset', expected a header"),
    case("header-behind-steps", HEADER + "open -f f\n<!>repeat: 3\n", "found header 'repeat:' behind the first step"),
    case("header-in-capitals", "<!>Test: x\n", "expected a header"),
    case("crash-unknown", "test: x\norigin: y\ncrash: kill <!>powre\n", "found 'powre', expected a crash kind"),
    case("crash-comma", "test: x\norigin: y\ncrash: kill<!>, power\n", "found ',', expected a crash kind: none, kill or power, with blanks"),
    case("crash-twice", "test: x\norigin: y\ncrash: kill <!>kill\n", "each crash kind once"),
    case("sometimes-of-other-crash", "test: x\norigin: y\ncrash: kill\nsometimes: <!>power lost\nopen -f f\n", "a crash kind that 'crash:' lists"),
    case("sometimes-no-sight", "test: x\norigin: y\nsometimes: power<!>\n", "found the end of the line, expected what is seen"),
    case("sometimes-bad-sight", "test: x\norigin: y\nsometimes: power <!>gone\n", "found 'gone', expected what is seen: lost, kept, torn"),
    case("sometimes-bad-crash", "test: x\norigin: y\nsometimes: <!>lost power\n", "found 'lost', expected a crash kind"),
    case("sometimes-no-comma", "test: x\norigin: y\nsometimes: power lost <!>power kept\n", "a comma between pairs"),
    case("sometimes-comma-at-end", "test: x\norigin: y\nsometimes: power lost,<!>\n", "expected a crash kind and what is seen after it"),
    case("sometimes-twice", "test: x\norigin: y\nsometimes: power lost, <!>power lost\n", "each pair once"),
    case("known-no-crash", "test: x\norigin: y\nknown: <!>loop:fs=ext4 lost\n", "found 'loop:fs=ext4', expected a crash kind: none, kill or power"),
    case("known-no-backend", "test: x\norigin: y\nknown: power<!>\n", "found the end of the line, expected a backend, such as loop:fs=btrfs"),
    case("known-no-defect", "test: x\norigin: y\nknown: power loop:fs=ext4<!>\n", "found the end of the line, expected a defect"),
    case("known-bad-defect", "test: x\norigin: y\nknown: power loop:fs=ext4 <!>gone\n", "or a defect, such as lost"),
    case("known-misspelt-defect", "test: x\norigin: y\nknown: power loop:fs=ext4 <!>wrong-sise\n", "such as lost or wrong-size; did you mean 'wrong-size'?"),
    case("known-misspelt-crash", "test: x\norigin: y\nknown: <!>powr loop:fs=ext4 lost\n", "a crash kind: none, kill or power; did you mean 'power'?"),
    case("crash-misspelt", "test: x\norigin: y\ncrash: <!>Power\n", "with blanks between; did you mean 'power'?"),
    case("second-header-misspelt", "test: x\n<!>orgin: y\n", "known or repeat; did you mean 'origin'?"),
    case("sight-misspelt", "test: x\norigin: y\ncrash: power\nsometimes: power <!>lsot\n", "mixed or absent; did you mean 'lost'?"),
    case("known-no-rule", "test: x\norigin: y\nknown: power sim lost<!>\n", "found the end of the line, expected the rule that is broken"),
    case("known-bad-rule", "test: x\norigin: y\nknown: power sim lost <!>c1\n", "found 'c1', expected the rule that is broken, such as C1"),
    case("known-bad-kernel", "test: x\norigin: y\nknown: power sim <!>kernel<6 lost C1\n", "found 'kernel<6', expected a version of the kernel"),
    case("known-kernel-equals", "test: x\norigin: y\nknown: power sim <!>kernel=6.1 lost C1\n", "found 'kernel=6.1', expected kernel< or kernel>="),
    case("known-kernel-twice", "test: x\norigin: y\nknown: power sim kernel<6.1 <!>kernel<6.2 lost C1\n", "each bound once"),
    case("known-kernel-at-end", "test: x\norigin: y\nknown: power sim kernel<6.1<!>\n", "found the end of the line, expected a defect"),
    case("known-no-comma", "test: x\norigin: y\nknown: power sim lost C1 <!>kill sim lost C1\n", "a comma between known defects"),
    case("known-comma-at-end", "test: x\norigin: y\nknown: power sim lost C1,<!>\n", "a crash kind, a backend, a defect and a rule"),
    case("known-too-many", "test: x\norigin: y\nknown: " + 8 * "power sim lost C1, " + "<!>power sim lost C1\n", "at most 8 known defects"),
    case("repeat-zero", "test: x\norigin: y\nrepeat: <!>0\n", "found '0', expected a number from 1 to 1000"),
    case("repeat-too-many", "test: x\norigin: y\nrepeat: <!>1001\n", "a number from 1 to 1000"),
    case("repeat-word", "test: x\norigin: y\nrepeat: <!>twice\n", "a number from 1 to 1000"),
    case("requires-bad-word", "test: x\norigin: y\nrequires: <!>Reflink!\n", "a feature word"),
    case("requires-twice", "test: x\norigin: y\nrequires: reflink <!>reflink\n", "each feature once"),
    # set-up and lanes
    case("setup-only", OPEN + "<!>", "found the end of the file, expected a step behind '---'"),
    case("setup-empty", HEADER + "<!>---\nopen -f f\n", "expected the steps of the set-up above it"),
    case("setup-ends-twice", OPEN + "fsync\n<!>---\n", "one '---' at most"),
    case("text-behind-setup-end", HEADER + "open -f f\n--- <!>now\nfsync\n", "nothing behind '---'"),
    case("lane-without-step", OPEN + "B:<!>\n", "found the end of the line, expected a verb"),
    case("lane-thread-too-high", OPEN + "<!>A.16: fsync\n", "expected a lane such as A, B or B.1"),
    case("lane-named-as-header", OPEN + "<!>TEST: fsync\n", "expected a lane"),
    case("lane-name-too-long", OPEN + "<!>ABCDEFGHI: fsync\n", "expected a lane"),
    case("too-many-actors", HEADER + "".join(f"{a}: open -f f\n" for a in "ABCDEFGH") + "<!>I: open -f f\n", "at most 8 actors"),
    case("barrier-of-one", OPEN + "barrier<!>\n", "found a barrier of one lane, expected two or more"),
    case("barrier-unknown-lane", OPEN + "B: open f\nbarrier A <!>C\n", "found 'C', expected a lane that has a step"),
    case("barrier-lane-twice", OPEN + "B: open f\nbarrier A <!>A\n", "each lane once"),
    case("barrier-with-lane", OPEN + "B: open f\nA: <!>barrier\n", "no lane before it"),
    case("barrier-with-number", OPEN + "B: open f\nbarrier <!>2\n", "lanes that wait for each other"),
    # verbs, flags and arguments
    case("unknown-verb", MAPPED + "<!>frobnicate 0 4k\n", "found 'frobnicate', expected a verb ('tornpage list verbs'"),
    case("misspelt-verb", MAPPED + "<!>mysnc -s\n", "expected a verb ('tornpage list verbs' shows them); did you mean 'msync'?"),
    case("verb-in-capitals", MAPPED + "<!>MSYNC -s\n", "did you mean 'msync'?"),
    case("verb-quoted", MAPPED + '<!>"msync" -s\n', "expected a verb"),
    case("unknown-flag", MAPPED + "msync -<!>q\n", "found unknown flag '-q', expected 'msync [-i] [-a] [-s]"),
    case("unknown-flag-joined", MAPPED + "msync -s<!>q\n", "found unknown flag '-q'"),
    case("flag-twice", MAPPED + "msync -s -<!>s\n", "found flag '-s' again, expected each flag once"),
    case("flag-behind-arguments", MAPPED + "msync 0 4k <!>-s\n", "flags as '-x', and before the arguments"),
    case("flag-value-missing", MAPPED + "mwrite -S<!>\n", "found the end of the line, expected BYTE of flag '-S'"),
    case("flag-value-joined", MAPPED + "mwrite -<!>S0x61 0 4k\n", "found more flags behind '-S'"),
    case("lone-dash", MAPPED + "mwrite <!>- 0 4k\n", "flags as '-x'"),
    case("argument-missing", OPEN + "truncate<!>\n", "found the end of the line, expected SIZE ('truncate SIZE')"),
    case("second-argument-missing", OPEN + "pwrite 0<!>\n", "found the end of the line, expected LENGTH"),
    case("half-of-an-optional-pair", MAPPED + "msync -s 0<!>\n", "found the end of the line, expected LENGTH"),
    case("argument-too-many", OPEN + "truncate 4k <!>8k\n", "found '8k', expected the end of the line or '->'"),
    case("argument-to-none", OPEN + "fsync <!>0\n", "found '0', expected the end of the line or '->'"),
    # values
    case("offset-word", MAPPED + "mwrite <!>here 4k\n", "found 'here', expected OFFSET in bytes, such as 4096, 4k or 0x1000"),
    case("offset-negative", MAPPED + "mwrite -<!>1 4k\n", "found unknown flag '-1'"),
    case("offset-quoted", MAPPED + 'mwrite <!>"0" 4k\n', "OFFSET, which is not quoted"),
    case("offset-unknown-suffix", MAPPED + "mwrite <!>4x 4k\n", "found '4x', expected OFFSET"),
    case("offset-two-suffixes", MAPPED + "mwrite <!>4kk 4k\n", "found '4kk', expected OFFSET"),
    case("offset-fraction", MAPPED + "mwrite <!>1.5k 4k\n", "found '1.5k', expected OFFSET"),
    case("offset-bad-hex", MAPPED + "mwrite <!>0xz 4k\n", "found '0xz', expected OFFSET"),
    case("offset-overflow", MAPPED + "mwrite <!>99999999999999999999 4k\n", "OFFSET of at most 1t"),
    case("offset-suffix-overflow", MAPPED + "mwrite <!>99999999999999t 4k\n", "OFFSET of at most 1t"),
    case("length-zero", MAPPED + "mwrite 0 <!>0\n", "LENGTH of at least 1"),
    case("range-too-far", OPEN + "pwrite 1t <!>1\n", "OFFSET and LENGTH of at most 1t together"),
    case("size-too-big", OPEN + "truncate <!>2t\n", "SIZE of at most 1t"),
    case("byte-too-big", MAPPED + "mwrite -S <!>256 0 4k\n", "BYTE, 0 to 255"),
    case("byte-word", MAPPED + "mwrite -S <!>a 0 4k\n", "BYTE, 0 to 255"),
    case("byte-of-two-characters", MAPPED + "mwrite -S 'a<!>b' 0 4k\n", "at most 1 byte between ' and '"),
    case("byte-of-none", MAPPED + "mwrite -S <!>'' 0 4k\n", "one byte between the quotes"),
    case("quote-not-closed", OPEN + 'rename f "g<!>\n', 'expected a closing "'),
    case("text-behind-quote", OPEN + 'rename f "g"<!>h\n', 'found more text behind a closing "'),
    case("unknown-escape", OPEN + 'rename f "g<!>\\q"\n', "found an unknown escape"),
    case("escaped-nul", OPEN + 'rename f "g<!>\\x00"\n', "found escape \\x00"),
    case("path-absolute", HEADER + "open -f <!>/etc/passwd\n", "a path below the run's directory"),
    case("path-upwards", HEADER + "open -f <!>../f\n", "a path without '..'"),
    case("path-upwards-inside", HEADER + "open -f <!>d/../f\n", "a path without '..'"),
    case("path-with-dot", HEADER + "open -f <!>./f\n", "a path without '.' components"),
    case("path-empty", HEADER + 'open -f <!>""\n', "a path that is not empty"),
    case("path-double-slash", HEADER + "open -f <!>d//f\n", "a path without empty components"),
    case("path-odd-character", HEADER + "open -f <!>f*\n", "a path of letters, digits"),
    case("path-character-quote", HEADER + "open -f <!>'f'\n", "a path in double quotes or plain"),
    # names
    case("name-unknown", OPEN + "fsync <!>@g\n", "found '@g', expected a descriptor that an earlier step of actor A makes"),
    case("name-of-other-actor", OPEN + "B: fsync <!>@f\n", "a descriptor that an earlier step of actor B makes"),
    case("name-of-other-kind", OPEN + "msync <!>@f -s\n", "a mapping, and this names only a descriptor"),
    case("name-behind-argument", OPEN + "truncate 0 <!>@f\n", "the end of the line; an '@name' stands right behind the verb"),
    case("name-in-place-of-argument", OPEN + "pwrite 0 <!>@f\n", "LENGTH; an '@name' stands right behind the verb"),
    case("name-to-verb-without", OPEN + "unlink <!>@f f\n", "no name: 'unlink' takes none"),
    case("nothing-open", HEADER + "<!>fsync\n", "a step of actor A above it that makes a descriptor"),
    case("nothing-mapped", OPEN + "<!>mwrite 0 4k\n", "a step of actor A above it that makes a mapping"),
    # outcomes
    case("outcome-missing", OPEN + "fsync -><!>\n", "found the end of the line, expected an outcome"),
    case("outcome-unknown", OPEN + "fsync -> <!>EWHAT\n", "found 'EWHAT', expected an outcome: ok, an errno"),
    case("outcome-misspelt", OPEN + "fsync -> <!>ENOPSC\n", "or a signal such as SIGBUS; did you mean 'ENOSPC'?"),
    case("outcome-in-small-letters", OPEN + "fsync -> <!>eio\n", "did you mean 'EIO'?"),
    case("outcome-twice", OPEN + "fsync -> EIO|<!>EIO\n", "each outcome once"),
    case("outcome-empty", OPEN + "fsync -> EIO|<!>\n", "expected an outcome"),
    case("outcome-too-many", OPEN + "fsync -> ok|EIO|ENOSPC|EINTR|<!>EDQUOT\n", "at most 4 outcomes"),
    case("outcome-joined-to-arrow", OPEN + "fsync <!>->EIO\n", "a blank behind '->'"),
    case("text-behind-outcome", OPEN + "fsync -> EIO <!>please\n", "the end of the line behind the outcome"),
    case("argument-missing-before-outcome", OPEN + "truncate <!>-> EIO\n", "found '->', expected SIZE"),
    # amounts
    case("too-many-steps", HEADER + "open -f f\n" + "fsync\n" * 4095 + "<!>fsync\n", "found one more step, expected at most 4096"),
    case("too-many-paths", HEADER + "".join(f"mkdir d{i}\n" for i in range(64)) + "mkdir <!>d64\n", "at most 64 paths in a scenario"),
]
