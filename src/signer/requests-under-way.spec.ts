import { expect, it } from '@jest/globals'
import { RequestsUnderWay } from './requests-under-way.js'
import type { PlainRequest, SignerOperations } from './signer-operations.js'

it('counts who came in the same turn before it says to any of them that they are alone', async () => {
  const underWay = new RequestsUnderWay()
  const seen: boolean[] = []
  const operations = {
    handle: async () => {
      seen.push(underWay.isAlone())
      // What a signature waits for in between.
      await new Promise(setImmediate)
      seen.push(underWay.isAlone())
    },
  } as unknown as SignerOperations
  const counted = underWay.counted(operations)
  const status: PlainRequest = { operation: 'status' }
  await counted.handle(status)
  expect(seen.splice(0)).toEqual([true, true])
  await Promise.all([counted.handle(status), Promise.resolve().then(() => counted.handle(status))])
  expect(seen.slice(0, 2)).toEqual([false, false])
  expect(underWay.isAlone()).toBe(true)
})

it('keeps nobody waiting where nobody else is connected', async () => {
  const underWay = new RequestsUnderWay()
  const served: string[] = []
  const operations = { handle: async () => void served.push('at once') } as unknown as SignerOperations
  const counted = underWay.counted(operations)
  let connected = 2
  underWay.watch(() => connected)
  const late = counted.handle({ operation: 'status' })
  await Promise.resolve()
  expect(served).toEqual([])
  await late
  connected = 1
  const soon = counted.handle({ operation: 'status' })
  await Promise.resolve()
  expect(served).toEqual(['at once', 'at once'])
  await soon
})

it('goes on with those of one turn in the order in which they came', async () => {
  const served: string[] = []
  const operations = {
    handle: async ({ operation }: PlainRequest) => void served.push(operation),
  } as unknown as SignerOperations
  const counted = new RequestsUnderWay().counted(operations)
  await Promise.all([counted.handle({ operation: 'status' }), counted.handle({ operation: 'device-ca' })])
  expect(served).toEqual(['status', 'device-ca'])
})
