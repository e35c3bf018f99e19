// The official OpenAI client for Node, Responses, against providers of every other dialect.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import * as f from './foreign.js';
import { both, each } from './foreign.js';

const client = (options = {}) =>
  new OpenAI({ baseURL: `${f.url}/v1`, apiKey: f.key, maxRetries: 0, timeout: 20000, ...options });
const tools = [
  { type: 'function', name: 'weather', description: 'Weather ahead.', parameters: f.WEATHER, strict: true },
  { type: 'function', name: 'clock', parameters: f.CLOCK, strict: true },
];

/* The response in either mode; of a stream the one that the helper put together. */
async function ask(stream, params) {
  params = { input: 'hello', store: false, ...params };
  if (!stream) return client().responses.create(params);
  const s = client().responses.stream(params);
  let pieces = '';
  let next = 0;
  for await (const e of s) {
    assert.equal(e.sequence_number, next++);
    if (e.type === 'response.output_text.delta') pieces += e.delta;
  }
  const r = await s.finalResponse();
  r.output_text = textOf(r); // which this helper leaves out
  assert.equal(pieces, r.output_text);
  return r;
}

const textOf = (r) =>
  r.output
    .flatMap((i) => (i.type === 'message' ? i.content : []))
    .map((c) => c.text ?? '')
    .join('');

const callsOf = (r) => r.output.filter((i) => i.type === 'function_call');
/* What came out, to be sent back; `parsed_arguments` is an addition of the client's. */
const again = (r) => r.output.map(({ parsed_arguments, ...i }) => i);

both('a text, its end and its usage', async ({ to, model, stream }) => {
  await f.script({ tokens: 7 });
  const r = await ask(stream, { model });
  const record = await f.last();
  assert.equal(r.output_text, await f.words(7));
  assert.equal(r.status, 'completed');
  assert.equal(r.usage.input_tokens, f.promptTokens(to, record));
  assert.equal(r.usage.output_tokens, 7);
  assert.equal(r.usage.total_tokens, r.usage.input_tokens + 7);
});

both('a conversation with instructions', async ({ model, stream }) => {
  await ask(stream, {
    model,
    instructions: f.SYSTEM,
    max_output_tokens: 200,
    input: [
      { role: 'user', content: f.TALK[0] },
      { role: 'assistant', content: f.TALK[1] },
      { role: 'user', content: [{ type: 'input_text', text: f.TALK[2] }] },
    ],
  });
  const told = await f.told();
  told.said(...f.TALK);
  told.said(f.SYSTEM);
  told.has(200);
});

both('two calls and their results', async ({ model, stream }) => {
  const input = [{ role: 'user', content: 'Weather and time?' }];
  await f.script({ tools: 2, arg_bytes: 3, interleave: 'on' });
  let r = await ask(stream, { model, input, tools });
  const made = callsOf(r);
  const calls = made.map((c) => [c.name, JSON.parse(c.arguments)]);
  f.callsAreRight(calls);
  assert.notEqual(made[0].call_id, made[1].call_id);
  (await f.told()).schema(['city', 'days']);

  input.push(...again(r));
  made.forEach((c, i) => input.push({ type: 'function_call_output', call_id: c.call_id, output: f.RESULTS[i] }));
  await f.script({ tools: 2, tokens: 5 });
  r = await ask(stream, { model, input, tools });
  assert.equal(r.output_text, await f.words(5));
  const told = await f.told();
  calls.forEach((c) => told.has(c[1]));
  told.said('Weather and time?', ...f.RESULTS);
});

both('structured output is parsed', async ({ model, stream }) => {
  const params = { model, input: 'hello', store: false, text: { format: zodTextFormat(f.Steps, 'steps') } };
  const r = stream ? await client().responses.stream(params).finalResponse() : await client().responses.parse(params);
  f.Steps.parse(r.output_parsed);
  (await f.told()).schema(f.STEPS);
});

const thinking = { reasoning: { effort: 'medium', summary: 'auto' }, include: ['reasoning.encrypted_content'] };

both(
  'reasoning is shown and counted',
  async ({ model, stream }) => {
    await f.script({ reasoning: 6, tokens: 4 });
    const r = await ask(stream, { model, ...thinking });
    const shown = r.output
      .filter((i) => i.type === 'reasoning')
      .flatMap((i) => [...i.summary, ...(i.content ?? [])])
      .map((s) => s.text)
      .join('');
    assert.equal(f.count(shown), 6);
    assert.equal(r.output_text, await f.words(4));
    assert.equal(r.usage.output_tokens, 10);
  },
  { openai: 'chat completions show no reasoning' },
);

/* The simulated providers refuse thinking without its signature. */
both(
  'encrypted reasoning goes back to who issued it',
  async ({ to, model, stream }) => {
    const input = [{ role: 'user', content: 'Weather?' }];
    await f.script({ tools: 2, reasoning: 6 });
    let r = await ask(stream, { model, input, tools, ...thinking });
    input.push(...again(r));
    callsOf(r).forEach((c) => input.push({ type: 'function_call_output', call_id: c.call_id, output: 'fine' }));
    await f.script({ tokens: 5, reasoning: 6 });
    r = await ask(stream, { model, input, tools, ...thinking });
    assert.equal(r.output_text, await f.words(5));
    assert.match((await f.told()).text, to === 'gemini' ? /thoughtSignature/ : /signature/);
  },
  { openai: 'signs nothing', cohere: 'signs nothing', ollama: 'signs nothing' },
);

each('why it ended', async ({ model }) => {
  for (const stream of [false, true]) {
    await f.script({ finish: 'length', tokens: 3 });
    const params = { model, input: 'hello', store: false };
    let r;
    if (stream) {
      for await (const e of await client().responses.create({ ...params, stream })) r = e;
      assert.equal(r.type, 'response.incomplete');
      r = r.response;
    } else {
      r = await client().responses.create(params);
    }
    assert.equal(r.status, 'incomplete');
    assert.equal(r.incomplete_details.reason, 'max_output_tokens');
  }
});

each('errors are of the classes of the client', async ({ model }) => {
  const ask = (options, params) => client(options).responses.create({ model, input: 'x', store: false, ...params });
  await f.failing({ status: 400, error_message: 'that is too hot' });
  await assert.rejects(ask(), (e) => e instanceof OpenAI.BadRequestError && e.message.includes('that is too hot'));
  await f.failing({ status: 429, retry_after: '0' });
  await assert.rejects(ask(), OpenAI.RateLimitError);
  await assert.rejects(ask({ apiKey: 'sk-wrong' }), OpenAI.AuthenticationError);
  await assert.rejects(
    ask({}, { previous_response_id: 'resp_1' }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === 'previous_response_id',
  );
  await assert.rejects(ask({}, { model: 'none' }), OpenAI.NotFoundError);
});

/* In this dialect an error in mid-stream is an event: response.failed, or error (which raises). */
each('a stream that breaks never looks like an end', async ({ model }) => {
  class Failed extends Error {}
  for (const fault of f.FAULTS)
    await f.breaks(
      fault,
      async (hear) => {
        const s = await client().responses.create({ model, input: 'x', store: false, stream: true });
        for await (const e of s) {
          if (e.type === 'response.output_text.delta') hear(e.delta);
          if (e.type === 'response.failed' || e.type === 'error') throw new Failed();
          assert.notEqual(e.type, 'response.completed');
          assert.notEqual(e.type, 'response.incomplete');
        }
      },
      (e) => e instanceof Failed || e instanceof OpenAI.APIError,
    );
});

each('leaving a stream cancels the provider', async ({ model }) => {
  await f.script({ tokens: 1000, gap: '10ms' });
  const s = await client().responses.create({ model, input: 'x', store: false, stream: true });
  let n = 0;
  for await (const e of s) if (e.type === 'response.output_text.delta' && ++n === 5) s.controller.abort();
  await f.cancelled();
});
