/**
 * JSON as clients send it. SWUpdate puts log lines into strings as they are: raw newlines, and now and then a quotation mark that
 * ends the string early. Refused outright, the failure it tells of would never be recorded.
 * @throws SyntaxError when even its beginning is no JSON.
 */
export function parseLenientJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const repaired = escapeControls(text)
    try {
      return JSON.parse(repaired)
    } catch (error) {
      return parseBeforeDetails(repaired, error)
    }
  }
}

/** Control characters inside of strings (RFC 8259 §7 wants them escaped). */
function escapeControls(text: string): string {
  let isInString = false
  let isEscaped = false
  let out = ''
  for (const character of text) {
    if (isInString && character < ' ') out += `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    else out += character
    if (isEscaped) isEscaped = false
    else if (character === '\\') isEscaped = isInString
    else if (character === '"') isInString = !isInString
  }
  return out
}

/** SWUpdate writes `details` last in `status`: what stands before says how it ended, the rest is kept as one text. */
function parseBeforeDetails(text: string, error: unknown): unknown {
  const at = text.indexOf('"details"')
  if (at === -1) throw error
  const head = text.slice(0, at)
  const rest = JSON.stringify(text.slice(at + '"details"'.length).replace(/^[\s:[]+/, ''))
  return JSON.parse(`${head}"details":[${rest}]}}`)
}
