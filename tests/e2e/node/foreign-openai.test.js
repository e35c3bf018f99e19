// The official OpenAI client for Node, chat completions, against providers of every other dialect.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import * as f from './foreign.js';
import { both, each } from './foreign.js';

const client = (options = {}) =>
  new OpenAI({ baseURL: `${f.url}/v1`, apiKey: f.key, maxRetries: 0, timeout: 20000, ...options });
const hello = [{ role: 'user', content: 'hello' }];
const tools = [
  { type: 'function', function: { name: 'weather', description: 'Weather ahead.', parameters: f.WEATHER } },
  { type: 'function', function: { name: 'clock', parameters: f.CLOCK } },
];

async function ask(stream, params) {
  const chat = client().chat.completions;
  if (!stream) return chat.create(params);
  return chat.stream({ ...params, stream_options: { include_usage: true } }).finalChatCompletion();
}

both('a text, its end and its usage', async ({ to, model, stream }) => {
  await f.script({ tokens: 7 });
  const r = await ask(stream, { model, messages: hello });
  const record = await f.last();
  assert.equal(r.choices[0].message.content, await f.words(7));
  assert.equal(r.choices[0].finish_reason, 'stop');
  assert.equal(r.usage.prompt_tokens, f.promptTokens(to, record));
  assert.equal(r.usage.completion_tokens, 7);
  assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + 7);
});

both('a conversation with a system prompt', async ({ model, stream }) => {
  await ask(stream, {
    model,
    max_completion_tokens: 200,
    messages: [
      { role: 'system', content: f.SYSTEM },
      { role: 'user', content: f.TALK[0] },
      { role: 'assistant', content: f.TALK[1] },
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
  let r = await ask(stream, { model, messages, tools });
  const made = r.choices[0].message.tool_calls;
  const calls = made.map((c) => [c.function.name, JSON.parse(c.function.arguments)]);
  f.callsAreRight(calls);
  assert.notEqual(made[0].id, made[1].id);
  assert.equal(r.choices[0].finish_reason, 'tool_calls');
  (await f.told()).schema(['city', 'days']);

  messages.push(r.choices[0].message);
  made.forEach((c, i) => messages.push({ role: 'tool', tool_call_id: c.id, content: f.RESULTS[i] }));
  await f.script({ tools: 2, tokens: 5 });
  r = await ask(stream, { model, messages, tools });
  assert.equal(r.choices[0].message.content, await f.words(5));
  assert.equal(r.choices[0].finish_reason, 'stop');
  const told = await f.told();
  calls.forEach((c) => told.has(c[1]));
  told.said('Weather and time?', ...f.RESULTS);
});

both('the runner calls the functions itself', async ({ model, stream }) => {
  const called = [];
  await f.script({ tools: 1 }, { tools: 1, tokens: 5 });
  const runner = client().chat.completions.runTools({
    model,
    messages: hello,
    stream,
    tools: [
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'Weather ahead.',
          parameters: f.WEATHER,
          parse: JSON.parse,
          function: (args) => {
            called.push(args);
            return f.RESULTS[0];
          },
        },
      },
    ],
  });
  assert.equal(await runner.finalContent(), await f.words(5));
  assert.equal(called.length, 1);
  const told = await f.told();
  told.has(called[0]);
  told.said(f.RESULTS[0]);
});

both('structured output is parsed', async ({ model, stream }) => {
  const params = { model, messages: hello, response_format: zodResponseFormat(f.Steps, 'steps') };
  const chat = client().chat.completions;
  const r = stream ? await chat.stream(params).finalChatCompletion() : await chat.parse(params);
  f.Steps.parse(r.choices[0].message.parsed);
  (await f.told()).schema(f.STEPS);
});

both(
  'reasoning is shown and counted',
  async ({ model, stream }) => {
    await f.script({ reasoning: 6, tokens: 4 });
    const params = { model, messages: hello, reasoning_effort: 'medium' };
    let text = '';
    let thought = '';
    let usage;
    if (stream) {
      const s = await client().chat.completions.create({ ...params, stream, stream_options: { include_usage: true } });
      for await (const chunk of s) {
        text += chunk.choices[0]?.delta.content ?? '';
        thought += chunk.choices[0]?.delta.reasoning_content ?? '';
        usage = chunk.usage ?? usage;
      }
    } else {
      const r = await client().chat.completions.create(params);
      ({ content: text, reasoning_content: thought } = r.choices[0].message);
      usage = r.usage;
    }
    assert.equal(text, await f.words(4));
    assert.equal(f.count(thought), 6);
    assert.equal(usage.completion_tokens, 10);
  },
  { responses: 'a client of chat completions cannot ask for the summary' },
);

each('why it ended', async ({ model }) => {
  for (const stream of [false, true]) {
    await f.script({ finish: 'length', tokens: 3 });
    const r = await client().chat.completions.create({ model, messages: hello, stream });
    let why;
    if (stream) for await (const c of r) why = c.choices[0]?.finish_reason ?? why;
    else why = r.choices[0].finish_reason;
    assert.equal(why, 'length');
  }
});

each('errors are of the classes of the client', async ({ model }) => {
  const ask = (options) => client(options).chat.completions.create({ model, messages: hello });
  await f.failing({ status: 400, error_message: 'that is too hot' });
  await assert.rejects(ask(), (e) => e instanceof OpenAI.BadRequestError && e.message.includes('that is too hot'));
  await f.failing({ status: 429, retry_after: '0' });
  await assert.rejects(ask(), OpenAI.RateLimitError);
  await assert.rejects(ask({ apiKey: 'sk-wrong' }), OpenAI.AuthenticationError);
  const wrong = client().chat.completions.create({ model, messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] });
  await assert.rejects(wrong, (e) => e instanceof OpenAI.BadRequestError && e.param === 'messages[0].content[0].text');
  await assert.rejects(client().chat.completions.create({ model: 'none', messages: hello }), OpenAI.NotFoundError);
});

each('a stream that breaks raises', async ({ model }) => {
  for (const fault of f.FAULTS)
    await f.breaks(
      fault,
      async (hear) => {
        const s = await client().chat.completions.create({ model, messages: hello, stream: true });
        for await (const c of s) {
          hear(c.choices[0]?.delta.content ?? '');
          assert.ok(!c.choices[0]?.finish_reason);
        }
      },
      (e) => e instanceof OpenAI.APIError || e instanceof TypeError,
    );
});

each('leaving a stream cancels the provider', async ({ model }) => {
  await f.script({ tokens: 1000, gap: '10ms' });
  const s = await client().chat.completions.create({ model, messages: hello, stream: true });
  let n = 0;
  for await (const c of s) if (c.choices.length && ++n === 5) s.controller.abort();
  await f.cancelled();
});
