// The lines of `text/event-stream`: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

/** One event. JSON has no line breaks of its own, so the data is one line. */
export const eventFrame = (event: string, id: number, data: unknown): string =>
  `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

/** What clients pass over: it keeps the connection from being idle. */
export const commentFrame = (text: string): string => `: ${text}\n\n`;

/** How long the client is to wait before it connects again. */
export const retryFrame = (ms: number): string => `retry: ${ms}\n\n`;
