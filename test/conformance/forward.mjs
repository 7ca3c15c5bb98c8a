// The client under test, as far as the suite is concerned: hands what it is told to the test that listens at the first
// argument, and ends when that is done.
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_CONTEXT: context } = process.env;
const [listener, url] = [process.argv[2], process.argv.at(-1)];
const body = JSON.stringify({ url, scenario, context: context === undefined ? {} : JSON.parse(context) });
const response = await fetch(listener, { method: "POST", body });
const text = await response.text();
if (!response.ok) console.error(text);
process.exitCode = response.ok ? 0 : 1;
