import { describe, expect, it } from '@jest/globals'
import { parseLenientJson } from './lenient-json.js'

const feedback = (details: string): string =>
  `{ "id": 7, "time": "20261127T233200", "status": { "result": { "progress": { "cnt" : 0, "of" : 1 }, "finished": "failure" }, "execution": "closed", "details" : [ ${details} ] } }`
const said = (details: readonly string[]): object => ({
  id: 7,
  time: '20261127T233200',
  status: { result: { progress: { cnt: 0, of: 1 }, finished: 'failure' }, execution: 'closed', details },
})

describe('JSON of clients', () => {
  it.each([
    ['as it should be', '"all well"', ['all well']],
    ['with a raw newline in a string, as SWUpdate writes it', '"ERROR : broken\n pipe"', ['ERROR : broken\n pipe']],
    ['with a raw tab and an escape before it', String.raw`"a\"b` + '\t\\\\"', ['a"b\t\\']],
  ])('is read %s', (_, details, words) => {
    expect(parseLenientJson(feedback(details))).toEqual(said(words))
  })

  it('keeps what stands before details that are past mending, and their text', () => {
    const text = feedback('"ERROR : cannot find "rootfs" in image", "again"')
    expect(parseLenientJson(text)).toEqual(
      said([expect.stringContaining('cannot find "rootfs" in image') as unknown as string]),
    )
  })

  it.each([
    ['nothing', ''],
    ['half', '{"status": {'],
    ['text', 'closed'],
    ['details of nothing', '"details" : ['],
  ])('that is %s is refused', (_, text) => {
    expect(() => parseLenientJson(text)).toThrow(SyntaxError)
  })
})
