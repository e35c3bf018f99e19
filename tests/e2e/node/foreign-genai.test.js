// Google's official client for Node against providers of every other dialect.
import assert from 'node:assert/strict';
import { ApiError, GoogleGenAI } from '@google/genai';
import { z } from 'zod';
import * as f from './foreign.js';
import { both, each } from './foreign.js';

const client = (apiKey = f.key) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: f.url, timeout: 20000 } });
const tools = [
  {
    functionDeclarations: [
      { name: 'weather', description: 'Weather ahead.', parametersJsonSchema: f.WEATHER },
      { name: 'clock', parametersJsonSchema: f.CLOCK },
    ],
  },
];
const thinkingConfig = { includeThoughts: true, thinkingBudget: 2048 };

/* The parts of an answer in either mode, texts put together. */
async function ask(stream, params) {
  params = { contents: 'hello', ...params };
  const models = client().models;
  const pieces = stream ? await models.generateContentStream(params) : [await models.generateContent(params)];
  const a = { text: '', thought: '', calls: [], parts: [], finish: undefined, usage: undefined };
  for await (const r of pieces) {
    a.usage = r.usageMetadata ?? a.usage;
    a.finish = r.candidates?.[0]?.finishReason ?? a.finish;
    for (const p of r.candidates?.[0]?.content?.parts ?? []) {
      a.parts.push(p);
      if (p.functionCall) a.calls.push(p.functionCall);
      else if (p.thought) a.thought += p.text ?? '';
      else a.text += p.text ?? '';
    }
  }
  return a;
}

const user = (...parts) => ({ role: 'user', parts });
const results = (a, said) =>
  user(...a.calls.map((c, i) => ({ functionResponse: { id: c.id, name: c.name, response: { output: said[i] } } })));

both('a text, its end and its usage', async ({ to, model, stream }) => {
  await f.script({ tokens: 7 });
  const a = await ask(stream, { model });
  const record = await f.last();
  assert.equal(a.text, await f.words(7));
  assert.equal(a.finish, 'STOP');
  assert.equal(a.usage.promptTokenCount, f.promptTokens(to, record));
  assert.equal(a.usage.candidatesTokenCount, 7);
  assert.equal(a.usage.totalTokenCount, a.usage.promptTokenCount + 7);
});

both('a conversation with a system prompt', async ({ model, stream }) => {
  await ask(stream, {
    model,
    contents: [user({ text: f.TALK[0] }), { role: 'model', parts: [{ text: f.TALK[1] }] }, user({ text: f.TALK[2] })],
    config: { systemInstruction: f.SYSTEM, maxOutputTokens: 200 },
  });
  const told = await f.told();
  told.said(...f.TALK);
  told.said(f.SYSTEM);
  told.has(200);
});

both('a chat remembers', async ({ model, stream }) => {
  const chat = client().chats.create({ model });
  await f.script({ text: 'One it is.' }, { tokens: 5 });
  for (const [message, answer] of [
    ['first', 'One it is.'],
    ['second', await f.words(5)],
  ]) {
    let text = '';
    if (stream) for await (const r of await chat.sendMessageStream({ message })) text += r.text ?? '';
    else text = (await chat.sendMessage({ message })).text;
    assert.equal(text, answer);
  }
  const told = await f.told();
  told.said('first');
  told.said('second');
  assert.match(told.text, /One/);
});

both('two calls and their results', async ({ model, stream }) => {
  const contents = [user({ text: 'Weather and time?' })];
  await f.script({ tools: 2, arg_bytes: 3, interleave: 'on' });
  let a = await ask(stream, { model, contents, config: { tools } });
  const calls = a.calls.map((c) => [c.name, c.args]);
  f.callsAreRight(calls);
  assert.equal(a.finish, 'STOP');
  (await f.told()).schema(['city', 'days']);

  contents.push({ role: 'model', parts: a.parts }, results(a, f.RESULTS));
  await f.script({ tools: 2, tokens: 5 });
  a = await ask(stream, { model, contents, config: { tools } });
  assert.equal(a.text, await f.words(5));
  assert.equal(a.finish, 'STOP');
  const told = await f.told();
  calls.forEach((c) => told.has(c[1]));
  told.said('Weather and time?', ...f.RESULTS);
});

both('structured output is parsed', async ({ model, stream }) => {
  const config = { responseMimeType: 'application/json', responseJsonSchema: z.toJSONSchema(f.Steps) };
  const a = await ask(stream, { model, config });
  f.Steps.parse(JSON.parse(a.text));
  (await f.told()).schema(f.STEPS);
});

both(
  'thoughts are shown and counted',
  async ({ model, stream }) => {
    await f.script({ reasoning: 6, tokens: 4 });
    const a = await ask(stream, { model, config: { thinkingConfig, maxOutputTokens: 4000 } });
    assert.equal(f.count(a.thought), 6);
    assert.equal(a.text, await f.words(4));
    assert.equal((a.usage.thoughtsTokenCount ?? 0) + a.usage.candidatesTokenCount, 10);
  },
  { openai: 'chat completions show no reasoning' },
);

/* The simulated providers refuse thinking without its signature. */
both(
  'thoughts go back to who signed them',
  async ({ to, model, stream }) => {
    const contents = [user({ text: 'Weather?' })];
    const config = { tools, thinkingConfig, maxOutputTokens: 4000 };
    await f.script({ tools: 2, reasoning: 6 });
    let a = await ask(stream, { model, contents, config });
    assert.ok(a.parts.some((p) => p.thoughtSignature));
    contents.push({ role: 'model', parts: a.parts }, results(a, f.RESULTS));
    await f.script({ tokens: 5, reasoning: 6 });
    a = await ask(stream, { model, contents, config });
    assert.equal(a.text, await f.words(5));
    assert.match((await f.told()).text, to === 'responses' ? /encrypted_content":"/ : /signature/);
  },
  { openai: 'signs nothing', cohere: 'signs nothing', ollama: 'signs nothing' },
);

both('why it ended', async ({ model, stream }) => {
  await f.script({ finish: 'length', tokens: 3 });
  assert.equal((await ask(stream, { model })).finish, 'MAX_TOKENS');
});

each('errors are of the class of the client', async ({ model }) => {
  const ask = (key, params) => client(key).models.generateContent({ model, contents: 'x', ...params });
  const is = (code, ...words) => (e) =>
    e instanceof ApiError && e.status === code && words.every((w) => e.message.includes(w));
  await f.failing({ status: 400, error_message: 'that is too hot' });
  await assert.rejects(ask(), is(400, 'INVALID_ARGUMENT', 'that is too hot'));
  await f.failing({ status: 429, retry_after: '0' });
  await assert.rejects(ask(), is(429, 'RESOURCE_EXHAUSTED'));
  await assert.rejects(ask('wrong'), is(401, 'UNAUTHENTICATED'));
  await assert.rejects(ask(f.key, { contents: [user({ text: 5 })] }), is(400, 'contents[0].parts[0].text'));
  await assert.rejects(ask(f.key, { model: 'none' }), is(404, 'NOT_FOUND'));
});

each('a stream that breaks raises', async ({ model }) => {
  for (const fault of f.FAULTS)
    await f.breaks(
      fault,
      async (hear) => {
        for await (const r of await client().models.generateContentStream({ model, contents: 'hello' })) {
          hear(r.text ?? '');
          assert.ok(!r.candidates?.[0]?.finishReason);
        }
      },
      (e) => e instanceof ApiError,
    );
});

each('leaving a stream cancels the provider', async ({ model }) => {
  await f.script({ tokens: 1000, gap: '10ms' });
  const leave = new AbortController();
  const config = { abortSignal: leave.signal };
  let n = 0;
  await assert.rejects(async () => {
    for await (const _ of await client().models.generateContentStream({ model, contents: 'x', config }))
      if (++n === 5) leave.abort();
  });
  await f.cancelled();
});
