import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** What is sent, in one piece or in several, as they come. */
type Pieces = string | Iterable<string> | AsyncIterable<string>

/** Sends bytes as they are, which no client would, until the server closes. @returns what came back, one answer after the other. */
export async function sendRaw(port: number, bytes: Pieces): Promise<RawAnswer[]> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(60_000, () => socket.destroy(new Error('the server neither answers nor closes')))
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const closed = new Promise<void>((resolve, reject) => {
    socket.once('close', resolve)
    // Who is cut off while he still sends has his answer nevertheless.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve() : reject(error),
    )
  })
  for await (const piece of typeof bytes === 'string' ? [bytes] : bytes) {
    if (socket.destroyed) break
    socket.write(piece, 'latin1')
  }
  await closed
  return answersIn(text)
}

function answersIn(text: string): RawAnswer[] {
  if (text === '') return []
  const end = text.indexOf('\r\n\r\n')
  const [start = '', ...lines] = text.slice(0, end).split('\r\n')
  if (end === -1 || !start.startsWith('HTTP/1.1 ')) throw new Error(`no answer: ${text.slice(0, 200)}`)
  const headers = new Map(
    lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]),
  )
  const status = Number(start.split(' ')[1])
  const from = end + 4
  const to = from + (status === 304 ? 0 : Number(headers.get('content-length') ?? 0))
  // 100 Continue and its like are no answers.
  const answer = status < 200 ? [] : [{ status, headers, body: text.slice(from, to) }]
  return [...answer, ...answersIn(text.slice(to))]
}
