// The official SDK, asked once: `node client.js '{"method": …, "options": …, "request": …}'` prints what it gave, or
// the error that it threw, as JSON. Options are the client's.
import OpenAI from "openai";

const { method, options, request } = JSON.parse(process.argv[2]);
const client = new OpenAI(options);
const completions = client.chat.completions;

const methods = {
    models: async () => (await client.models.list()).data,
    create: () => completions.create(request),
    parse: async () => (await completions.parse(request)).choices[0].message,
    async pieces() {
        const pieces = [];
        for await (const chunk of await completions.create({ ...request, stream: true })) {
            pieces.push(chunk.choices[0]?.delta.content ?? "");
        }
        return pieces;
    },
    stream: () => completions.stream(request).finalChatCompletion(),
    // The caller's own tool: it adds two numbers.
    async runTools() {
        const description = {
            name: "add",
            parameters: {
                type: "object",
                properties: { a: { type: "number" }, b: { type: "number" } },
                required: ["a", "b"],
            },
            parse: JSON.parse,
            function: ({ a, b }) => String(a + b),
        };
        const runner = completions.runTools({ ...request, tools: [{ type: "function", function: description }] });
        return { content: await runner.finalContent(), messages: runner.messages };
    },
};

const told = (error) => ({
    name: error.constructor.name,
    status: error.status,
    code: error.code,
    type: error.type,
    param: error.param,
    requestID: error.requestID,
    message: error.message,
});

let outcome;
try {
    outcome = { answer: await methods[method]() };
} catch (error) {
    outcome = { error: told(error) };
}
console.log(JSON.stringify(outcome));
