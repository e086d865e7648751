import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Terminal } from './terminal.js'

const CLEAR_LINE = '\r\u001b[2K'
const RED = '\u001b[31m'
const PLAIN = '\u001b[39m'

/** This process's own standard streams. */
export class ProcessTerminal extends Terminal {
  readonly isInteractive = process.stdin.isTTY === true && process.stderr.isTTY === true
  private hasStatus = false
  private tableHeight = 0

  line(text: string): void {
    this.clearStatus()
    this.tableHeight = 0
    process.stdout.write(`${text}\n`)
  }

  note(text: string): void {
    this.clearStatus()
    process.stderr.write(`${text}\n`)
  }

  alarm(text: string): void {
    const isRed = process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
    this.line(isRed ? `${RED}${text}${PLAIN}` : text)
  }

  status(text: string): void {
    if (process.stderr.isTTY !== true) return
    process.stderr.write(`${CLEAR_LINE}${text}`)
    this.hasStatus = text !== ''
  }

  table(lines: readonly string[]): void {
    this.clearStatus()
    const back = process.stdout.isTTY === true && this.tableHeight > 0 ? `\u001b[${this.tableHeight}A\u001b[J` : ''
    process.stdout.write(`${back}${lines.join('\n')}\n`)
    this.tableHeight = lines.length
  }

  ask(question: string): Promise<string> {
    return this.read(question, process.stderr)
  }

  async askSecret(question: string): Promise<string> {
    process.stderr.write(question)
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
    const answer = await this.read('', silent)
    process.stderr.write('\n')
    return answer
  }

  private read(question: string, output: NodeJS.WritableStream): Promise<string> {
    this.clearStatus()
    const reader = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY === true })
    return new Promise((resolve) => {
      let answer = ''
      reader.question(question, (line) => {
        answer = line
        reader.close()
      })
      // End of input counts as an empty answer, and an empty answer is never a yes.
      reader.once('close', () => resolve(answer))
      reader.once('SIGINT', () => {
        reader.close()
        process.kill(process.pid, 'SIGINT')
      })
    })
  }

  private clearStatus(): void {
    if (this.hasStatus) process.stderr.write(CLEAR_LINE)
    this.hasStatus = false
  }
}
