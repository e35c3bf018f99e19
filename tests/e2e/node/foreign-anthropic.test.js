// The official Anthropic client for Node against providers of every other dialect.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import * as f from './foreign.js';
import { both, each } from './foreign.js';

const client = (options = {}) => new Anthropic({ baseURL: f.url, apiKey: f.key, maxRetries: 0, timeout: 20000, ...options });
const hello = [{ role: 'user', content: 'hello' }];
const tools = [
  { name: 'weather', description: 'Weather ahead.', input_schema: f.WEATHER },
  { name: 'clock', input_schema: f.CLOCK },
];
const thinking = { type: 'enabled', budget_tokens: 2048 };

/* The message in either mode; of a stream the one that the helper put together. */
async function ask(stream, params) {
  params = { max_tokens: 1000, messages: hello, ...params };
  if (!stream) return client().messages.create(params);
  let pieces = '';
  const s = client().messages.stream(params);
  s.on('text', (t) => (pieces += t));
  const m = await s.finalMessage();
  assert.equal(pieces, text(m));
  return m;
}

const of = (m, type) => m.content.filter((b) => b.type === type);
const text = (m) => of(m, 'text').map((b) => b.text).join('');
const results = (m, said) =>
  of(m, 'tool_use').map((b, i) => ({ type: 'tool_result', tool_use_id: b.id, content: said[i] }));

both('a text, its end and its usage', async ({ to, model, stream }) => {
  await f.script({ tokens: 7 });
  const m = await ask(stream, { model });
  const record = await f.last();
  assert.equal(text(m), await f.words(7));
  assert.equal(m.role, 'assistant');
  assert.equal(m.stop_reason, 'end_turn');
  assert.equal(m.usage.input_tokens, f.promptTokens(to, record));
  assert.equal(m.usage.output_tokens, 7);
});

both('a conversation with a system prompt', async ({ model, stream }) => {
  await ask(stream, {
    model,
    max_tokens: 200,
    system: [{ type: 'text', text: f.SYSTEM, cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: f.TALK[0] },
      { role: 'assistant', content: [{ type: 'text', text: f.TALK[1] }] },
      { role: 'user', content: f.TALK[2] },
    ],
  });
  const told = await f.told();
  told.said(...f.TALK);
  told.said(f.SYSTEM);
  told.has(200);
});

both('two calls and their results', async ({ model, stream }) => {
  const messages = [{ role: 'user', content: 'Weather and time?' }];
  await f.script({ tools: 2, arg_bytes: 3, interleave: 'on' });
  let m = await ask(stream, { model, messages, tools });
  const calls = of(m, 'tool_use').map((b) => [b.name, b.input]);
  f.callsAreRight(calls);
  assert.equal(new Set(of(m, 'tool_use').map((b) => b.id)).size, 2);
  assert.equal(m.stop_reason, 'tool_use');
  (await f.told()).schema(['city', 'days']);

  messages.push({ role: 'assistant', content: m.content }, { role: 'user', content: results(m, f.RESULTS) });
  await f.script({ tools: 2, tokens: 5 });
  m = await ask(stream, { model, messages, tools });
  assert.equal(text(m), await f.words(5));
  assert.equal(m.stop_reason, 'end_turn');
  const told = await f.told();
  calls.forEach((c) => told.has(c[1]));
  told.said('Weather and time?', ...f.RESULTS);
});

each('blocks of a stream come one after the other', async ({ model }) => {
  await f.script({ tools: 2, text: 'some text' });
  const seen = [];
  let open = null;
  const s = await client().messages.create({ model, messages: hello, tools, max_tokens: 99, stream: true });
  const kinds = [];
  for await (const e of s) {
    kinds.push(e.type);
    if (e.type === 'content_block_start') {
      assert.equal(open, null);
      open = e.index;
      seen.push(e.content_block.type);
    } else if (e.type === 'content_block_delta') {
      assert.equal(e.index, open);
    } else if (e.type === 'content_block_stop') {
      assert.equal(e.index, open);
      open = null;
    }
  }
  assert.deepEqual(seen, ['text', 'tool_use', 'tool_use']);
  assert.equal(kinds[0], 'message_start');
  assert.deepEqual(kinds.slice(-2), ['message_delta', 'message_stop']);
});

both('structured output is parsed', async ({ model, stream }) => {
  const params = { model, messages: hello, max_tokens: 500, output_config: { format: zodOutputFormat(f.Steps) } };
  const m = stream ? await client().messages.stream(params).finalMessage() : await client().messages.parse(params);
  f.Steps.parse(m.parsed_output);
  (await f.told()).schema(f.STEPS);
});

both(
  'thinking is shown and counted',
  async ({ model, stream }) => {
    await f.script({ reasoning: 6, tokens: 4 });
    const m = await ask(stream, { model, thinking, max_tokens: 4000 });
    assert.equal(m.content[0].type, 'thinking');
    assert.equal(f.count(of(m, 'thinking').map((b) => b.thinking).join('')), 6);
    assert.equal(text(m), await f.words(4));
    assert.equal(m.usage.output_tokens, 10);
  },
  { openai: 'chat completions show no reasoning' },
);

/* The simulated providers refuse thinking without its signature, and with another's. */
both(
  'thinking goes back to who signed it, and to nobody else',
  async ({ to, model, stream }) => {
    const messages = [...hello];
    const params = { messages, tools, thinking, max_tokens: 4000 };
    await f.script({ tools: 2, reasoning: 6 });
    const m = await ask(stream, { model, ...params });
    assert.ok(m.content.some((b) => b.signature || b.data));
    messages.push({ role: 'assistant', content: m.content }, { role: 'user', content: results(m, f.RESULTS) });
    await f.script({ tokens: 5, reasoning: 6 });
    assert.equal(text(await ask(stream, { model, ...params })), await f.words(5));
    const told = await f.told();
    const kept = { gemini: /thoughtSignature/, bedrock: /signature/, responses: /encrypted_content":"/ }[to];
    assert.match(told.text, kept);
    if (to === 'bedrock') told.said(of(m, 'thinking')[0].thinking);

    for (const other of ['anthropic', 'gemini', 'bedrock', 'responses', 'openai']) {
      if (other === to) continue;
      await f.script({ tokens: 5 });
      assert.equal(text(await ask(stream, { model: `${other}-model`, ...params })), await f.words(5), other);
    }
  },
  { openai: 'signs nothing', cohere: 'signs nothing', ollama: 'signs nothing' },
);

both('why it ended', async ({ model, stream }) => {
  await f.script({ finish: 'length', tokens: 3 });
  assert.equal((await ask(stream, { model })).stop_reason, 'max_tokens');
});

each('errors are of the classes of the client', async ({ model }) => {
  const ask = (options, params) => client(options).messages.create({ model, messages: hello, max_tokens: 10, ...params });
  const type = (e) => e.error?.error?.type;
  await f.failing({ status: 400, error_message: 'that is too hot' });
  await assert.rejects(
    ask(),
    (e) =>
      e instanceof Anthropic.BadRequestError && type(e) === 'invalid_request_error' && e.message.includes('that is too hot'),
  );
  await f.failing({ status: 429, retry_after: '0' });
  await assert.rejects(ask(), (e) => e instanceof Anthropic.RateLimitError && type(e) === 'rate_limit_error');
  await assert.rejects(
    ask({ apiKey: 'sk-wrong' }),
    (e) => e instanceof Anthropic.AuthenticationError && type(e) === 'authentication_error',
  );
  await assert.rejects(
    ask({}, { messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] }),
    (e) => e instanceof Anthropic.BadRequestError && e.message.includes('messages[0].content[0].text'),
  );
  await assert.rejects(ask({}, { model: 'none' }), Anthropic.NotFoundError);
});

each('a stream that breaks raises', async ({ model }) => {
  for (const fault of f.FAULTS) {
    await f.breaks(
      fault,
      async (hear) => {
        const s = await client().messages.create({ model, messages: hello, max_tokens: 99, stream: true });
        for await (const e of s) {
          if (e.type === 'content_block_delta') hear(e.delta.text);
          assert.ok(!['message_delta', 'message_stop'].includes(e.type));
        }
      },
      (e) => e instanceof Anthropic.APIError,
    );
    await f.script({ tokens: 8, fail: fault });
    const helper = client().messages.stream({ model, messages: hello, max_tokens: 99 });
    await assert.rejects(helper.finalMessage(), Anthropic.AnthropicError);
  }
});

each('leaving a stream cancels the provider', async ({ model }) => {
  await f.script({ tokens: 1000, gap: '10ms' });
  const s = client().messages.stream({ model, messages: hello, max_tokens: 9999 });
  let n = 0;
  s.on('text', () => ++n === 5 && s.abort());
  await assert.rejects(s.done(), Anthropic.APIUserAbortError);
  await f.cancelled();
});
