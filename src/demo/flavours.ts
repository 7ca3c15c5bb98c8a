/** What a demo server offers. Results are plain MCP objects; a text block is all that these need. */
export interface Flavour {
  readonly instructions: string;
  readonly tools: readonly Tool[];
  readonly prompts: readonly Prompt[];
  readonly resources: readonly Resource[];
  readonly templates: readonly Template[];
}

type Arguments = Readonly<Record<string, unknown>>;

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly annotations: { readonly readOnlyHint: boolean };
  run(args: Arguments): string;
}
interface Prompt {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly { readonly name: string; readonly required: boolean }[];
  run(args: Arguments): string;
}
interface Resource {
  readonly uri: string;
  readonly name: string;
  read(): string;
}
interface Template {
  readonly uriTemplate: string;
  readonly name: string;
  /** `undefined` where there is no such thing. */
  read(uri: string): string | undefined;
}

const text = { type: "string" };
const schema = (properties: Record<string, object>, required: readonly string[]) => ({
  type: "object",
  properties,
  required,
});

const ZONES: Readonly<Record<string, string>> = {
  berlin: "Europe/Berlin",
  lagos: "Africa/Lagos",
  lima: "America/Lima",
  sydney: "Australia/Sydney",
  tokyo: "Asia/Tokyo",
};
const SKIES = ["sunny", "cloudy", "light rain", "windy", "snow showers"];

/** Always the same for a city and a day, so that replicas agree. */
function sky(city: string, day: number): string {
  const seed = [...city.toLowerCase()].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, day * 7);
  return `${SKIES[seed % SKIES.length]}, ${(seed % 28) - 2} °C`;
}

function weather(): Flavour {
  const forecast = (city: string, days: number) =>
    Array.from(
      { length: days },
      (_, day) => `${city}, ${day === 0 ? "today" : `in ${day} days`}: ${sky(city, day)}`,
    ).join("\n");
  return {
    instructions: "Ask for the weather and the time in a city.",
    tools: [
      {
        name: "forecast",
        description: "The weather in a city for the next days",
        inputSchema: schema({ city: text, days: { type: "integer", minimum: 1, maximum: 7 } }, ["city"]),
        annotations: { readOnlyHint: true },
        run: ({ city, days }) => forecast(String(city), Math.min(7, Math.max(1, Number(days ?? 1)))),
      },
      {
        name: "time_in",
        description: `The local time in ${Object.keys(ZONES).join(", ")}`,
        inputSchema: schema({ city: { ...text, enum: Object.keys(ZONES) } }, ["city"]),
        annotations: { readOnlyHint: true },
        run: ({ city }) => {
          const timeZone = ZONES[String(city).toLowerCase()];
          if (!timeZone) throw new Error(`I know no city "${String(city)}"; I know ${Object.keys(ZONES).join(", ")}`);
          return `${String(city)}: ${new Date().toLocaleTimeString("en-GB", { timeZone, timeStyle: "short" })}`;
        },
      },
    ],
    prompts: [
      {
        name: "packing_list",
        description: "What to pack for a journey",
        arguments: [{ name: "city", required: true }],
        run: ({ city }) => `The forecast: ${forecast(String(city), 3)}\nWhat should I pack?`,
      },
    ],
    resources: [{ uri: "weather://cities", name: "Cities", read: () => Object.keys(ZONES).join("\n") }],
    templates: [
      {
        uriTemplate: "weather://city/{city}",
        name: "Weather of a city",
        read: uri => {
          const city = /^weather:\/\/city\/([^/]+)$/.exec(uri)?.[1];
          return city && forecast(decodeURIComponent(city), 1);
        },
      },
    ],
  };
}

function notes(): Flavour {
  const kept = new Map([["welcome", "These notes live as long as the demo."]]);
  const list = () => [...kept].map(([title, note]) => `${title}: ${note}`).join("\n") || "no notes";
  return {
    instructions: "Keep short notes and count words.",
    tools: [
      {
        name: "add_note",
        description: "Keeps a note under a title",
        inputSchema: schema({ title: text, note: text }, ["title", "note"]),
        annotations: { readOnlyHint: false },
        run: ({ title, note }) => {
          kept.set(String(title), String(note));
          return `kept "${String(title)}", ${kept.size} notes`;
        },
      },
      {
        name: "list_notes",
        description: "All notes",
        inputSchema: schema({}, []),
        annotations: { readOnlyHint: true },
        run: list,
      },
      {
        name: "count_words",
        description: "How many words a text has",
        inputSchema: schema({ text }, ["text"]),
        annotations: { readOnlyHint: true },
        run: args => `${String(args.text).split(/\s+/).filter(Boolean).length} words`,
      },
    ],
    prompts: [
      {
        name: "summarize_notes",
        description: "Summarizes the notes",
        arguments: [],
        run: () => `Summarize:\n${list()}`,
      },
    ],
    resources: [{ uri: "notes://all", name: "All notes", read: list }],
    templates: [
      {
        uriTemplate: "notes://note/{title}",
        name: "One note",
        read: uri => kept.get(decodeURIComponent(/^notes:\/\/note\/([^/]+)$/.exec(uri)?.[1] ?? "")),
      },
    ],
  };
}

export const FLAVOURS = { weather, notes } as const satisfies Record<string, () => Flavour>;
export type FlavourName = keyof typeof FLAVOURS;
