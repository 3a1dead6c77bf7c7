// As order-api takes them (https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address): no quotes, spaces,
// lists or angle brackets, so that one address can never be read as two, or as more of a header.
const LOCAL = "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}";
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const ADDRESS = new RegExp(`^${LOCAL}@${LABEL}(?:\\.${LABEL})*$`);

/** Whether it is one address, and nothing but an address. Rows of before, or of others, may hold anything. */
export const isMailAddress = (text: string): boolean => text.length <= 254 && ADDRESS.test(text);
