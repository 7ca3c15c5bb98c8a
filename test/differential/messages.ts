import fc from "fast-check";

/** JSON texts as other programs write them: odd numbers, escapes, spaces, keys in any order. */
const number = fc.oneof(
  fc.constantFrom("0", "-0", "1.0", "1E5", "1e+2", "0.1e-7", "12345678901234567890", "-9007199254740993", "1.10"),
  fc.integer().map(String),
);
const escaped = fc.constantFrom('"\\u0041\\/"', '"\\ud83d\\ude00"', '"\\"\\\\\\b\\f\\n\\r\\t"', '"\u2028\u2029"');
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }).map(value => JSON.stringify(value)),
  escaped,
);
const gap = fc.constantFrom("", "", "", " ", "  ");

const { value } = fc.letrec<{ value: string; object: string; array: string }>(tie => ({
  value: fc.oneof(
    { depthSize: "small" },
    number,
    text,
    fc.constantFrom("true", "false", "null"),
    tie("object"),
    tie("array"),
  ),
  object: objectOf(tie("value"), gap),
  array: fc
    .tuple(fc.array(tie("value"), { maxLength: 4 }), gap)
    .map(([items, space]) => `[${space}${items.join(`,${space}`)}]`),
}));

function objectOf(member: fc.Arbitrary<string>, space: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const key = fc.string({ unit: "grapheme", maxLength: 8 }).filter(name => name !== "__proto__");
  const entries = fc.uniqueArray(fc.tuple(key, member), { maxLength: 5, selector: ([name]) => name });
  return fc
    .tuple(entries, space)
    .map(
      ([all, gap]) => `{${gap}${all.map(([name, text]) => `${JSON.stringify(name)}:${gap}${text}`).join(`,${gap}`)}}`,
    );
}

export const jsonObject: fc.Arbitrary<string> = objectOf(value, gap);
export const jsonValue: fc.Arbitrary<string> = value;
/** For places where the message is put together from values. */
export const meta = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}\.test\/[a-z]{1,6}$/), fc.jsonValue({ maxDepth: 3 }), {
  maxKeys: 3,
});

const BLOCKS = ["text", "image", "audio", "resource_link", "resource", "from_the_future"] as const;
const block = fc.tuple(fc.constantFrom(...BLOCKS), text, value).map(([type, name, extra]) => {
  const body = {
    text: `"text":${name}`,
    image: '"data":"AAAA","mimeType":"image/png"',
    audio: '"data":"AAAA","mimeType":"audio/wav"',
    resource_link: `"uri":"test://static-text","name":${name}`,
    resource: `"resource":{"uri":"test://static-text","text":${name},"own":${extra}}`,
    from_the_future: `"payload":${extra}`,
  }[type];
  return `{"own":${extra},"type":"${type}",${body},"annotations":{"audience":["user"],"priority":0.50}}`;
});

/** The text of a tool's result, but for `_meta`: every kind of content, unknown members, members in any order. */
export const result: fc.Arbitrary<string> = fc
  .tuple(fc.array(block, { maxLength: 4 }), jsonObject, value, fc.boolean())
  .chain(([blocks, structured, extra, isError]) => {
    const members = [
      `"content":[${blocks.join(",")}]`,
      `"structuredContent":${structured}`,
      `"x-unknown":${extra}`,
      `"isError":${isError}`,
    ];
    return fc.shuffledSubarray(members, { minLength: members.length }).map(all => `{${all.join(",")}}`);
  });
