import { expect, it } from '@jest/globals'
import { InOrder } from './in-order.js'

interface Open {
  readonly end: () => void
  readonly fail: (error: Error) => void
}
/** Work that ends when the test says so; what has begun is listed. */
function openWork(begun: Map<number, Open>, number: number): () => Promise<number> {
  return () =>
    new Promise((resolve, reject) => {
      begun.set(number, { end: () => resolve(number), fail: reject })
    })
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('begins so many at a time, and hands on what comes of them in their order', async () => {
  const inOrder = new InOrder(2)
  const begun = new Map<number, Open>()
  const came: number[] = []
  for (const number of [1, 2, 3]) void inOrder.take(openWork(begun, number)).then((each) => came.push(each))
  await settle()
  expect([...begun.keys()]).toEqual([1, 2])
  begun.get(2)?.end()
  await settle()
  expect([...begun.keys()]).toEqual([1, 2, 3])
  begun.get(3)?.end()
  await settle()
  expect(came).toEqual([])
  begun.get(1)?.end()
  await settle()
  expect(came).toEqual([1, 2, 3])
})

it('holds up nobody for one that fails', async () => {
  const inOrder = new InOrder(1)
  const begun = new Map<number, Open>()
  const [first, second] = [inOrder.take(openWork(begun, 1)), inOrder.take(openWork(begun, 2))]
  await settle()
  begun.get(1)?.fail(new RangeError('no'))
  await expect(first).rejects.toThrow(RangeError)
  await settle()
  begun.get(2)?.end()
  await expect(second).resolves.toBe(2)
})
