// What the suites of foreign-*.test.js share: each runs against the providers of every other
// dialect.  Where to go comes from test_node_foreign.py: WEIR_URL, WEIR_KEY, MOCK_URL (behind all
// providers), WEIR_OWN (the client's own dialect).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';

export const url = process.env.WEIR_URL;
export const key = process.env.WEIR_KEY;
const mock = process.env.MOCK_URL;
const own = process.env.WEIR_OWN;
const FOREIGN = ['openai', 'responses', 'anthropic', 'gemini', 'bedrock', 'cohere', 'ollama'].filter((d) => d !== own);

const pause = (ms) => new Promise((r) => setTimeout(r, ms));

async function until(what, why) {
  for (let i = 0; i < 500; i++) {
    const got = await what();
    if (got) return got;
    await pause(20);
  }
  assert.fail(why);
}

const json = async (path) => (await fetch(mock + path)).json();

async function forget() {
  await fetch(`${mock}/mock/script`, { method: 'DELETE' });
  await until(async () => (await json('/mock/health')).open_requests === 0, 'still open');
  await fetch(`${mock}/mock/records`, { method: 'DELETE' });
}

/* The mock is told how to answer by its script: not every client takes a model's name with `?`. */
export const script = async (...items) => {
  const r = await fetch(`${mock}/mock/script`, { method: 'POST', body: JSON.stringify(items) });
  assert.equal(r.status, 200, await r.text());
};

export const words = async (n) => (await json(`/mock/text?tokens=${n}`)).text;

export const records = () => json('/mock/records');

/* The last request, once all have ended. */
export const last = () =>
  until(async () => {
    const found = await records();
    return found.length && found.every((r) => r.end !== 'open') && found.at(-1);
  }, 'no request ended');

/* Cohere counts the template around the conversation too, which it does not bill. */
export const promptTokens = (to, record) => record.prompt_tokens + (to === 'cohere' ? 66 : 0);

// ---- what a provider was told ---------------------------------------------------------------

export class Told {
  constructor(record) {
    this.text = Buffer.from(record.body_b64, 'base64').toString();
    this.body = JSON.parse(this.text);
  }

  // Every value in it, in its order; texts that are JSON themselves are read.
  *values(v = this.body) {
    yield v;
    if (typeof v === 'string' && /^[[{]/.test(v)) {
      let inner;
      try {
        inner = JSON.parse(v);
      } catch {
        return;
      }
      yield* this.values(inner);
    } else if (v && typeof v === 'object') {
      for (const x of Object.values(v)) yield* this.values(x);
    }
  }

  // These texts were said, each once, in this order.
  said(...texts) {
    const strings = [...this.values()].filter((v) => typeof v === 'string');
    const places = texts.map((t) => {
      const at = strings.flatMap((s, i) => (s === t ? [i] : []));
      assert.equal(at.length, 1, `${JSON.stringify(t)} in ${this.text}`);
      return at[0];
    });
    assert.deepEqual(places, [...places].sort((a, b) => a - b));
  }

  has(value) {
    for (const v of this.values()) {
      try {
        assert.deepEqual(v, value);
        return;
      } catch {
        // not this one
      }
    }
    assert.fail(`${JSON.stringify(value)} is not in ${this.text}`);
  }

  // A schema with just these properties.
  schema(names) {
    const found = [...this.values()].some(
      (v) => v?.properties && JSON.stringify(Object.keys(v.properties).sort()) === JSON.stringify([...names].sort()),
    );
    assert.ok(found, `no schema with ${names} in ${this.text}`);
  }
}

export const told = async () => new Told(await last());

// ---- the tests ------------------------------------------------------------------------------

function declare(title, to, except, fn) {
  if (to in except) {
    test(title, { skip: except[to] }, () => {});
    return;
  }
  test(title, { timeout: 40000 }, async () => {
    await forget();
    await fn();
  });
}

/* One test per foreign provider; `except` says why some are left out. */
export function each(name, fn, except = {}) {
  for (const to of FOREIGN) declare(`${to}: ${name}`, to, except, () => fn({ to, model: `${to}-model` }));
}

/* The same, plain and streamed. */
export function both(name, fn, except = {}) {
  for (const to of FOREIGN)
    for (const stream of [false, true])
      declare(`${to} ${stream ? 'stream' : 'plain'}: ${name}`, to, except, () => fn({ to, model: `${to}-model`, stream }));
}

export const FAULTS = ['error_mid', 'truncate', 'cut'];

/* An error must come, after some of the text and before its end; `read` hands texts to `hear`. */
export async function breaks(fault, read, isTheirs) {
  await forget();
  await script({ tokens: 8, fail: fault });
  const whole = await words(8);
  let got = '';
  await assert.rejects(
    () => read((t) => (got += t)),
    (e) => {
      assert.ok(isTheirs(e), `${fault}: ${e?.stack ?? e}`);
      return true;
    },
  );
  assert.ok(got && got !== whole && whole.startsWith(got), `${fault}: ${got}`);
}

/* Who left was seen by the provider. */
export async function cancelled() {
  const r = await last();
  assert.equal(r.end, 'cancelled');
  assert.ok(r.text_sent > 0 && r.text_sent < r.text.length, `${r.text_sent} of ${r.text.length}`);
}

/* The provider answers with an error, however often the gateway tries. */
export async function failing(item) {
  await forget();
  await script(item, item);
}

// ---- what they talk about --------------------------------------------------------------------

export const TALK = ['My name is Ada.', 'Hello, Ada.', 'What is my name? é😀 "quoted"\n'];
export const SYSTEM = 'Be brief.';

export const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city', 'days'],
  additionalProperties: false,
};
export const CLOCK = {
  type: 'object',
  properties: { zone: { type: 'string', enum: ['UTC', 'CET'] } },
  required: ['zone'],
  additionalProperties: false,
};
export const RESULTS = ['sunny, 21 °C', 'noon'];

/* calls: [name, arguments] each, as the mock makes them with these tools. */
export function callsAreRight(calls) {
  assert.deepEqual(calls.map((c) => c[0]), ['weather', 'clock']);
  assert.equal(typeof calls[0][1].city, 'string');
  assert.ok(Number.isInteger(calls[0][1].days));
  assert.ok(['UTC', 'CET'].includes(calls[1][1].zone));
}

export const Steps = z.object({ title: z.string(), count: z.number().int(), done: z.boolean(), tags: z.array(z.string()) });
export const STEPS = Object.keys(Steps.shape);

export const count = (text) => text.split(/\s+/).filter(Boolean).length;
