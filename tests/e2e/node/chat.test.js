// The official OpenAI client for Node, as applications use it.  Where to go comes from
// test_node.py: WEIR_BASE, WEIR_KEY, WEIR_PREFIX (of model names), MOCK_URL (the provider).
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import OpenAI from 'openai';

const base = process.env.WEIR_BASE;
const prefix = process.env.WEIR_PREFIX;
const mock = process.env.MOCK_URL;
const gateway = process.env.WEIR_TARGET === 'gateway';
const messages = [{ role: 'user', content: 'hello' }];

const client = (options = {}) =>
  new OpenAI({ baseURL: base, apiKey: process.env.WEIR_KEY, maxRetries: 0, timeout: 20000, ...options });

const model = (options = {}) => `${prefix}m?${new URLSearchParams(options)}`;

const words = async (n) => (await (await fetch(`${mock}/mock/text?tokens=${n}`)).json()).text;

const records = async () => (await fetch(`${mock}/mock/records`)).json();

async function until(what, why) {
  for (let i = 0; i < 500; i++) {
    const got = await what();
    if (got) return got;
    await new Promise((r) => setTimeout(r, 20));
  }
  assert.fail(why);
}

const ended = () => until(async () => (await records()).find((r) => r.end !== 'open'), 'no request ended');

beforeEach(async () => {
  await fetch(`${mock}/mock/script`, { method: 'DELETE' });
  await until(async () => (await (await fetch(`${mock}/mock/health`)).json()).open_requests === 0, 'still open');
  await fetch(`${mock}/mock/records`, { method: 'DELETE' });
});

test('a plain answer', async () => {
  const r = await client().chat.completions.create({ model: model({ tokens: 7 }), messages });
  assert.equal(r.choices[0].message.content, await words(7));
  assert.equal(r.choices[0].finish_reason, 'stop');
  assert.equal(r.usage.completion_tokens, 7);
});

test('a stream, and no usage that was not asked for', async () => {
  const stream = await client().chat.completions.create({ model: model({ tokens: 9 }), messages, stream: true });
  let text = '';
  let last;
  for await (const chunk of stream) {
    assert.ok(chunk.usage == null);
    text += chunk.choices[0]?.delta.content ?? '';
    last = chunk;
  }
  assert.equal(text, await words(9));
  assert.equal(last.choices[0].finish_reason, 'stop');
});

test('a stream with usage', async () => {
  const stream = await client().chat.completions.create({
    model: model({ tokens: 4 }),
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let last;
  for await (const chunk of stream) last = chunk;
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, 4);
});

const tools = [
  {
    type: 'function',
    function: {
      name: 'weather',
      parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
    },
  },
  { type: 'function', function: { name: 'time', parameters: { type: 'object', properties: {} } } },
];

test('tool calls, streamed and in parallel', async () => {
  const runner = client().chat.completions.stream({ model: model({ tools: 2, arg_bytes: 3 }), messages, tools });
  const final = await runner.finalChatCompletion();
  const calls = final.choices[0].message.tool_calls;
  assert.deepEqual(calls.map((c) => c.function.name), ['weather', 'time']);
  assert.equal(typeof JSON.parse(calls[0].function.arguments).city, 'string');
  assert.equal(calls[1].function.arguments, '{}');
});

test('the tool runner goes round', async () => {
  let asked;
  const runner = client().chat.completions.runTools({
    model: model({ tokens: 3 }),
    messages,
    tool_choice: 'required',
    tools: [
      {
        type: 'function',
        function: {
          name: 'weather',
          parse: JSON.parse,
          function: (args) => {
            asked = args;
            return 'sunny';
          },
          parameters: tools[0].function.parameters,
        },
      },
    ],
  });
  assert.equal(await runner.finalContent(), await words(3));
  assert.equal(typeof asked.city, 'string');
});

test('structured output', async () => {
  const r = await client().chat.completions.create({
    model: model(),
    messages,
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'answer',
        strict: true,
        schema: {
          type: 'object',
          properties: { answer: { type: 'integer' }, why: { type: 'array', items: { type: 'string' } } },
          required: ['answer', 'why'],
          additionalProperties: false,
        },
      },
    },
  });
  const got = JSON.parse(r.choices[0].message.content);
  assert.ok(Number.isInteger(got.answer));
  assert.equal(typeof got.why[0], 'string');
});

test('images go in as they are', async () => {
  const url = `data:image/png;base64,${Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(50000, 7)]).toString('base64')}`;
  await client().chat.completions.create({
    model: model(),
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
  });
  const body = Buffer.from((await ended()).body_b64, 'base64').toString();
  assert.ok(body.includes(`"${url}"`));
});

test('leaving a stream cancels the provider', async () => {
  const stream = await client().chat.completions.create({
    model: model({ tokens: 1000, gap: '10ms' }),
    messages,
    stream: true,
  });
  let n = 0;
  for await (const _ of stream) if (++n === 5) break;
  assert.equal((await ended()).end, 'cancelled');
});

test('aborting a plain request cancels the provider', async () => {
  const abort = new AbortController();
  const asked = client().chat.completions.create({ model: model({ ttft: '5s' }), messages }, { signal: abort.signal });
  setTimeout(() => abort.abort(), 200);
  await assert.rejects(asked, OpenAI.APIUserAbortError);
  assert.equal((await ended()).end, 'cancelled');
});

test('the client times out', async () => {
  await assert.rejects(
    client({ timeout: 300 }).chat.completions.create({ model: model({ ttft: '2s' }), messages }),
    OpenAI.APIConnectionTimeoutError,
  );
});

test('the client retries what may be retried', async () => {
  const times = gateway ? 2 : 1; // the gateway tries twice on its own
  await fetch(`${mock}/mock/script`, { method: 'POST', body: JSON.stringify([{ status: 503, times }]) });
  const r = await client({ maxRetries: 1 }).chat.completions.create({ model: model({ tokens: 2 }), messages });
  assert.equal(r.choices[0].message.content, await words(2));
  assert.equal((await records()).length, times + 1);
});

test('a hundred at once, each with its own answer', async () => {
  const c = client();
  const one = async (i) => {
    const content = `number ${i} `.repeat(1 + (i % 5));
    const body = { model: model({ echo: 'on' }), messages: [{ role: 'user', content }] };
    if (i % 2) return [content, (await c.chat.completions.create(body)).choices[0].message.content];
    let text = '';
    for await (const chunk of await c.chat.completions.create({ ...body, stream: true }))
      text += chunk.choices[0]?.delta.content ?? '';
    return [content, text];
  };
  for (const [said, got] of await Promise.all(Array.from({ length: 100 }, (_, i) => one(i)))) assert.equal(got, said);
});

test('embeddings and completions', async () => {
  const e = await client().embeddings.create({ model: model(), input: ['a', 'b'], dimensions: 12 });
  assert.deepEqual(e.data.map((d) => d.embedding.length), [12, 12]);
  const r = await client().completions.create({ model: model({ tokens: 3 }), prompt: 'once' });
  assert.equal(r.choices[0].text, await words(3));
});

test('an error in the middle of a stream is thrown', async () => {
  const stream = await client().chat.completions.create({
    model: model({ tokens: 8, fail: 'error_mid' }),
    messages,
    stream: true,
  });
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  }, OpenAI.APIError);
  assert.ok(text.length > 0 && text.length < (await words(8)).length);
});

test('errors are of the right class', { skip: !gateway }, async () => {
  const ask = (m, key = process.env.WEIR_KEY) =>
    client({ apiKey: key }).chat.completions.create({ model: m, messages });
  await assert.rejects(ask('nothing-like-it'), (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
  await assert.rejects(ask('plain', 'sk-no'), (e) => e instanceof OpenAI.AuthenticationError && e.code === 'invalid_api_key');
  const script = JSON.stringify([{ status: 429, retry_after: '9' }]);
  await fetch(`${mock}/mock/script`, { method: 'POST', body: script });
  await assert.rejects(
    ask('rated-5'),
    (e) => e instanceof OpenAI.RateLimitError && e.headers.get('retry-after') === '9',
  );
  await assert.rejects(ask('all-dead'), (e) => e instanceof OpenAI.InternalServerError && e.status === 502);
});
