import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { ProcessTerminal } from './process-terminal.js'

const { isTTY } = process.stdout
const { NO_COLOR } = process.env
afterEach(() => {
  jest.restoreAllMocks()
  Object.assign(process.stdout, { isTTY })
  if (NO_COLOR === undefined) delete process.env['NO_COLOR']
  else process.env['NO_COLOR'] = NO_COLOR
})

function alarmAt(isTerminal: boolean, noColor = ''): string {
  let written = ''
  process.env['NO_COLOR'] = noColor
  Object.assign(process.stdout, { isTTY: isTerminal })
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
  new ProcessTerminal().alarm('late')
  return written
}

describe('an alarm', () => {
  it('is red on a terminal, and plain in a file or where colours are not wanted (no-color.org)', () => {
    expect([alarmAt(true), alarmAt(false), alarmAt(true, '1')]).toEqual([
      '\u001b[31mlate\u001b[39m\n',
      'late\n',
      'late\n',
    ])
  })
})
