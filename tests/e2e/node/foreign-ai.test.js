// Vercel's AI SDK with its providers for OpenAI (chat completions and Responses), Anthropic and
// Google, against providers of every other dialect.
import assert from 'node:assert/strict';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';
import * as f from './foreign.js';
import { both, each } from './foreign.js';

globalThis.AI_SDK_LOG_WARNINGS = false;
const own = process.env.WEIR_OWN;
const openai = (apiKey) => createOpenAI({ baseURL: `${f.url}/v1`, apiKey });
const language = {
  openai: (key) => (name) => openai(key).chat(name),
  responses: (key) => (name) => openai(key).responses(name),
  anthropic: (key) => createAnthropic({ baseURL: `${f.url}/v1`, apiKey: key }),
  gemini: (key) => createGoogleGenerativeAI({ baseURL: `${f.url}/v1beta`, apiKey: key }),
}[own];

/* What makes each of them ask for reasoning. */
const providerOptions = {
  openai: { openai: { reasoningEffort: 'medium', forceReasoning: true } },
  responses: { openai: { reasoningEffort: 'medium', reasoningSummary: 'auto', forceReasoning: true } },
  anthropic: { anthropic: { thinking: { type: 'enabled', budgetTokens: 2048 } } },
  gemini: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } },
}[own];
/* Responses keeps nothing here, and is asked for what is needed to go on without. */
const stateless = own === 'responses' ? { openai: { store: false } } : undefined;

/* The last step and what all came to, in either mode. */
async function ask(stream, { model, key = f.key, ...params }) {
  params = { prompt: 'hello', providerOptions: stateless, ...params, model: language(key)(model), maxRetries: 0 };
  if (!stream) return generateText(params);
  let failed;
  const s = streamText({ ...params, onError: ({ error }) => (failed = error) });
  let pieces = '';
  for await (const t of s.textStream) pieces += t;
  if (failed) throw failed;
  const whole = {};
  for (const what of ['text', 'finishReason', 'usage', 'toolCalls', 'reasoningText', 'response', 'steps'])
    whole[what] = await s[what];
  assert.ok(pieces.endsWith(whole.text));
  return whole;
}

both('a text, its end and its usage', async ({ to, model, stream }) => {
  await f.script({ tokens: 7 });
  const r = await ask(stream, { model });
  const record = await f.last();
  assert.equal(r.text, await f.words(7));
  assert.equal(r.finishReason, 'stop');
  assert.equal(r.usage.inputTokens, f.promptTokens(to, record));
  assert.equal(r.usage.outputTokens, 7);
});

both('a conversation with a system prompt', async ({ model, stream }) => {
  await ask(stream, {
    model,
    prompt: undefined,
    system: f.SYSTEM,
    maxOutputTokens: 200,
    messages: [
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

const toolbox = (called) => ({
  weather: tool({
    description: 'Weather ahead.',
    inputSchema: z.object({ city: z.string(), days: z.number().int() }),
    execute: async (args) => (called.push(args), f.RESULTS[0]),
  }),
  clock: tool({
    inputSchema: z.object({ zone: z.enum(['UTC', 'CET']) }),
    execute: async (args) => (called.push(args), f.RESULTS[1]),
  }),
});

both('two calls are executed and their results go back', async ({ model, stream }) => {
  const called = [];
  await f.script({ tools: 2, arg_bytes: 3, interleave: 'on' }, { tools: 2, tokens: 5 });
  const r = await ask(stream, { model, prompt: 'Weather and time?', tools: toolbox(called), stopWhen: stepCountIs(3) });
  assert.equal(r.steps.length, 2);
  assert.equal(r.steps[0].finishReason, 'tool-calls');
  f.callsAreRight(r.steps[0].toolCalls.map((c) => [c.toolName, c.input]));
  assert.equal(r.text, await f.words(5));
  assert.equal(r.finishReason, 'stop');
  assert.equal(called.length, 2);
  const told = await f.told();
  told.schema(['city', 'days']);
  called.forEach((args) => told.has(args));
  told.said('Weather and time?', ...f.RESULTS);
});

both(
  'an object of a schema',
  async ({ model, stream }) => {
    const params = {
      model: language(f.key)(model),
      schema: f.Steps,
      prompt: 'hello',
      maxRetries: 0,
      providerOptions: stateless,
    };
    const r = stream ? streamObject(params) : await generateObject(params);
    if (stream) for await (const _ of r.partialObjectStream);
    f.Steps.parse(await r.object);
    (await f.told()).schema(f.STEPS);
  },
  own === 'anthropic' ? { ollama: 'its client forces the call of a tool, which Ollama cannot be told' } : {},
);

both(
  'reasoning is shown',
  async ({ model, stream }) => {
    await f.script({ reasoning: 6, tokens: 4 });
    const r = await ask(stream, { model, providerOptions, maxOutputTokens: 4000 });
    assert.equal(r.text, await f.words(4));
    assert.equal(r.usage.outputTokens, 10);
    // Its client of chat completions has no place for reasoning.
    if (own !== 'openai') assert.equal(f.count(r.reasoningText), 6);
  },
  { openai: 'chat completions show no reasoning' },
);

/* The simulated providers refuse thinking without its signature. */
both(
  'reasoning goes back with the results of tools',
  async ({ to, model, stream }) => {
    await f.script({ tools: 2, reasoning: 6 }, { tokens: 5, reasoning: 6 });
    const options = structuredClone(providerOptions);
    if (own === 'responses') Object.assign(options.openai, { store: false, include: ['reasoning.encrypted_content'] });
    const r = await ask(stream, {
      model,
      tools: toolbox([]),
      stopWhen: stepCountIs(3),
      providerOptions: options,
      maxOutputTokens: 4000,
    });
    assert.equal(r.text, await f.words(5));
    const kept = { gemini: /thoughtSignature/, responses: /encrypted_content":"/ }[to] ?? /signature/;
    // Its client of chat completions keeps no reasoning; that of Google loses, in a stream, a
    // signature that comes after its thought.
    const keeps = own !== 'openai' && !(own === 'gemini' && stream);
    if (keeps) assert.match((await f.told()).text, kept);
  },
  { openai: 'signs nothing', cohere: 'signs nothing', ollama: 'signs nothing' },
);

both('why it ended', async ({ model, stream }) => {
  await f.script({ finish: 'length', tokens: 3 });
  assert.equal((await ask(stream, { model })).finishReason, 'length');
});

both('errors say their status and why', async ({ model, stream }) => {
  const is = (status, why) => (e) => {
    assert.ok(APICallError.isInstance(e), `${e}`);
    assert.equal(e.statusCode, status);
    assert.ok(e.message.includes(why), e.message);
    return true;
  };
  await f.failing({ status: 400, error_message: 'that is too hot' });
  await assert.rejects(ask(stream, { model }), is(400, 'that is too hot'));
  await f.failing({ status: 429, retry_after: '0', error_message: 'slow down' });
  await assert.rejects(ask(stream, { model }), is(429, 'slow down'));
  await assert.rejects(ask(stream, { model, key: 'sk-wrong' }), is(401, ''));
  await assert.rejects(ask(stream, { model: 'none' }), is(404, 'none'));
});

each('a stream that breaks raises', async ({ model }) => {
  class Failed extends Error {}
  for (const fault of f.FAULTS)
    await f.breaks(
      fault,
      async (hear) => {
        const s = streamText({ model: language(f.key)(model), prompt: 'hello', maxRetries: 0, onError: () => {} });
        for await (const p of s.fullStream) {
          if (p.type === 'text-delta') hear(p.text);
          if (p.type === 'error') throw new Failed();
          assert.ok(!(p.type === 'finish' && p.finishReason === 'stop'), 'it looks like an end');
        }
      },
      (e) => e instanceof Failed,
    );
});

each('leaving a stream cancels the provider', async ({ model }) => {
  await f.script({ tokens: 1000, gap: '10ms' });
  const leave = new AbortController();
  const s = streamText({ model: language(f.key)(model), prompt: 'x', abortSignal: leave.signal, maxRetries: 0 });
  let n = 0;
  for await (const p of s.fullStream) if (p.type === 'text-delta' && ++n === 5) leave.abort();
  await f.cancelled();
});
