import { expect, it } from '@jest/globals'
import { InOrder } from './in-order.js'

it('lets tasks end in the order in which they came, whichever is ready first, and past one that fails', async () => {
  const order = new InOrder()
  const ended: string[] = []
  const begun: string[] = []
  const task = async (name: string, turns: number): Promise<void> => {
    await order.run(async () => {
      begun.push(name)
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
      if (name === 'failing') throw new Error('not ready')
    })
    ended.push(name)
  }
  const all = [task('slow', 5), task('failing', 1), task('quick', 0)]
  expect(begun).toEqual(['slow', 'failing', 'quick'])
  expect(await Promise.allSettled(all)).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: 'not ready' } },
    { status: 'fulfilled' },
  ])
  expect(ended).toEqual(['slow', 'quick'])
})
