// Ask the browser for a passkey: to log in, as a second factor, or to make one. The page works without: what
// it offers here is hidden until this script knows that the browser can do it.
//
// `[data-passkey]` is one ceremony, "get" or "create": its buttons, its words in data attributes, and the two
// addresses of ours that ask and that are answered. With `data-autofill` the passkeys of this device are also
// suggested in the username field of the page.

const RENEW_MS = 4 * 60 * 1000;

/** What went wrong, in a word that the page has a sentence for (`data-error-…`). */
class Problem extends Error {
  constructor(code, reference = "") {
    super(code);
    this.code = code;
    this.reference = reference;
  }
}

/** Post a form to ourselves; the JSON that comes back. */
async function post(url, fields, signal) {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(fields), signal });
  const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
  const said = isJson ? await response.json() : {};
  if (!response.ok) {
    throw new Problem(said.error ?? "failed", said.reference);
  }
  return said;
}

function toBytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const descriptors = (list) => (list ?? []).map((each) => ({ ...each, id: toBytes(each.id) }));

const toAsk = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  allowCredentials: descriptors(options.allowCredentials),
});

const toMake = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  user: { ...options.user, id: toBytes(options.user.id) },
  excludeCredentials: descriptors(options.excludeCredentials),
});

/** The JSON of a credential (WebAuthn §5.1), which not every password manager can make of its own. */
function toJson(credential) {
  const { response } = credential;
  const members = { clientDataJSON: toText(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) {
      members[name] = toText(response[name]);
    }
  }
  if (response.getTransports) {
    members.transports = response.getTransports();
  }
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: members });
}

/** One ceremony of the page. */
class Ceremony {
  constructor(element) {
    this.element = element;
    this.words = element.dataset;
    this.problem = element.querySelector("[data-passkey-problem]");
    this.button = element.querySelector("[data-passkey-start]");
    this.field = element.querySelector("input[name=name]");
    this.running = null;
  }

  offer() {
    this.element.hidden = false;
    this.button.addEventListener("click", () => this.start());
    this.field?.addEventListener("keydown", (event) => event.key === "Enter" && this.start());
    for (const instead of this.element.parentElement.querySelectorAll("[data-without-passkey]")) {
      instead.hidden = true;
    }
    // Whoever logs in with a password needs no other question, nor one that outlives the page.
    document.addEventListener("submit", () => this.abort());
    if ("autofill" in this.words) {
      this.suggest();
      document.addEventListener("visibilitychange", () => this.suggest());
    }
  }

  /** By the button: the browser's own dialogue. */
  async start() {
    this.say("");
    this.button.disabled = true;
    try {
      await this.run("optional");
    } catch (error) {
      this.explain(error);
    } finally {
      this.button.disabled = false;
      this.suggest();
    }
  }

  /** In the username field, for as long as somebody looks: a challenge does not live as long as a page may. */
  async suggest() {
    clearTimeout(this.renewal);
    const canSuggest = "autofill" in this.words && (await window.PublicKeyCredential.isConditionalMediationAvailable?.());
    if (!canSuggest || document.visibilityState !== "visible" || this.button.disabled) {
      return;
    }
    this.renewal = setTimeout(() => this.suggest(), RENEW_MS);
    try {
      await this.run("conditional");
    } catch (error) {
      if (isAborted(error)) {
        return;
      }
      clearTimeout(this.renewal);
      // Until a passkey was chosen nobody has asked for anything.
      if (this.chosen) {
        this.explain(error);
        this.suggest();
      }
    }
  }

  async run(mediation) {
    this.abort();
    const { signal } = (this.running = new AbortController());
    this.chosen = false;
    const fields = { csrf_token: this.words.csrf, link: this.words.link, name: this.field?.value ?? "" };
    const options = await post(this.words.options, fields, signal);
    const credential = await this.ask(options, mediation, signal);
    this.chosen = true;
    const { location, codes } = await post(this.words.answer, { ...fields, credential: toJson(credential) });
    if (codes) {
      showCodes(codes, location);
    } else {
      window.location.assign(location);
    }
  }

  ask(options, mediation, signal) {
    return this.words.passkey === "create"
      ? navigator.credentials.create({ publicKey: toMake(options), signal })
      : navigator.credentials.get({ publicKey: toAsk(options), mediation, signal });
  }

  abort() {
    this.running?.abort();
  }

  explain(error) {
    if (isAborted(error)) {
      return;
    }
    const code = error instanceof Problem ? error.code : (CODES[error.name] ?? "failed");
    const sentence = this.words[`error${code[0].toUpperCase()}${code.slice(1)}`] ?? this.words.errorFailed;
    this.say(error.reference ? `${sentence} ${this.words.reference} ${error.reference}` : sentence);
  }

  say(text) {
    this.problem.textContent = text;
    this.problem.hidden = text === "";
  }
}

/** Recovery codes, which come with a first passkey, in place of what the page was for. */
function showCodes(codes, onwards) {
  const place = document.querySelector("[data-passkey-codes]");
  for (const code of codes) {
    const shown = document.createElement("code");
    shown.translate = false;
    shown.textContent = code;
    place.querySelector("ul").appendChild(document.createElement("li")).appendChild(shown);
  }
  place.querySelector("[data-passkey-onwards]").href = onwards;
  document.querySelector("[data-passkey-before]").hidden = true;
  place.hidden = false;
  place.querySelector("h2").focus();
}

// What browsers call it when a person cancels, or when the device has such a passkey already.
const CODES = { NotAllowedError: "cancelled", InvalidStateError: "exists" };

const isAborted = (error) => error.name === "AbortError";

if (window.PublicKeyCredential && navigator.credentials) {
  for (const element of document.querySelectorAll("[data-passkey]")) {
    new Ceremony(element).offer();
  }
}
