// Judge a new password as idp/policy/password.py does, for the four rules that need nothing but the password
// and the rules of its page: length, repeat, sequence, word. A test holds the two together.

const MOST_FOLDED_INTO_ONE = 4;
const WHOLE_TOKEN = 4;

/**
 * Everything that is wrong: [{rule, fragment}], fragment null for the whole password.
 * `rules` is {shortest, longest, repeat, sequence, words}; a sequence of null allows all.
 */
export function failures(password, rules) {
  if ([...password].length > MOST_FOLDED_INTO_ONE * rules.longest) {
    return [{ rule: "length", fragment: null }];
  }
  const typed = [...password.normalize("NFKC")];
  const found = [];
  if (typed.length < rules.shortest || typed.length > rules.longest) {
    found.push({ rule: "length", fragment: null });
  }
  found.push(...at(typed, "repeat", rules.repeat ? repeats(typed) : []));
  found.push(...at(typed, "sequence", rules.sequence ? sequences(typed, rules.sequence) : []));
  found.push(...at(typed, "word", wordsIn(typed, rules.words)));
  return found;
}

/** A failure for each different fragment, in the order of appearance. */
function at(typed, rule, spans) {
  const ordered = [...spans].sort(([start, end], [otherStart, otherEnd]) => start - otherStart || end - otherEnd);
  const fragments = new Set(ordered.map(([start, end]) => typed.slice(start, end).join("")));
  return [...fragments].map((fragment) => ({ rule, fragment }));
}

function repeats(typed) {
  const lower = typed.map((character) => character.toLowerCase());
  return runs(lower, (one, next) => one === next, 2);
}

function sequences(typed, shortest) {
  const places = typed.map(place);
  return [
    ...runs(places, (one, next) => next - one === 1, shortest),
    ...runs(places, (one, next) => next - one === -1, shortest),
  ];
}

/** Where it stands among the digits of its script, or among a to z; all else stands next to nothing. */
function place(character) {
  if (/^\p{Nd}$/u.test(character)) {
    return digit(character);
  }
  const lower = character.toLowerCase();
  return /^[a-z]$/.test(lower) ? lower.charCodeAt(0) : NaN;
}

/** Digits come in tens, and tens may follow one another: each begins a multiple of ten after the first. */
function digit(character) {
  const code = character.codePointAt(0);
  let zero = code;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) {
    zero -= 1;
  }
  return (code - zero) % 10;
}

/** The longest stretches in which each item and the next belong together, of at least `shortest` items. */
function runs(items, belong, shortest) {
  const spans = [];
  let start = 0;
  for (let end = 1; end <= items.length; end += 1) {
    if (end === items.length || !belong(items[end - 1], items[end])) {
      if (end - start >= shortest) {
        spans.push([start, end]);
      }
      start = end;
    }
  }
  return spans;
}

/** Where words stand; of one within another only the longer. */
function wordsIn(typed, words) {
  const lower = typed.map((character) => character.toLowerCase());
  const text = lower.join("");
  // By where each character begins in the text, which is not where it stands: some have two code units.
  const characterAt = new Map();
  let offset = 0;
  [...lower, ""].forEach((character, index) => {
    characterAt.set(offset, index);
    offset += character.length;
  });
  const spans = [];
  for (const word of new Set(words.map(folded))) {
    for (let from = word ? text.indexOf(word) : -1; from !== -1; from = text.indexOf(word, from + 1)) {
      if (characterAt.has(from) && characterAt.has(from + word.length)) {
        spans.push([characterAt.get(from), characterAt.get(from + word.length)]);
      }
    }
  }
  spans.sort(([start, end], [otherStart, otherEnd]) => start - otherStart || otherEnd - end);
  let reached = 0;
  return spans.filter(([start, end]) => {
    const isTold = end > reached && counts(typed, start, end);
    reached = isTold ? end : reached;
    return isTold;
  });
}

/** Whether what stands here counts: short words only as whole tokens. */
function counts(typed, start, end) {
  return end - start > WHOLE_TOKEN || (isEdge(typed, start) && isEdge(typed, end));
}

/** Whether a token may begin or end here: beside what is no letter, and at the humps of camel case. */
function isEdge(typed, index) {
  const [before2, before, after, after2] = [-2, -1, 0, 1].map((step) => typed[index + step] ?? "");
  if (!isLetter(before) || !isLetter(after)) {
    return true;
  }
  if (isUpper(after)) {
    return isLower(before) || (isUpper(before) && isLower(after2));
  }
  return isLower(after) && isUpper(before) && isUpper(before2);
}

function isLetter(character) {
  return /^\p{L}$/u.test(character);
}

function isUpper(character) {
  return /^\p{Uppercase}$/u.test(character);
}

function isLower(character) {
  return /^\p{Lowercase}$/u.test(character);
}

function folded(text) {
  return [...text.normalize("NFKC")].map((character) => character.toLowerCase()).join("");
}
