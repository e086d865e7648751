import { describe, expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FairShare } from './fair-share.js'

describe('share of a signer', () => {
  it('is large for one alone, and for several what all may have', () => {
    const share = new FairShare()
    share.join()
    expect(share.most).toBe(256)
    for (let others = 0; others < 7; others += 1) share.join()
    expect(share.most).toBe(8)
    for (let others = 0; others < 192; others += 1) share.join()
    expect(share.most).toBe(1)
    for (let others = 0; others < 199; others += 1) share.leave()
    expect(share.most).toBe(256)
  })

  it('gives turns in order, and others a turn between when they take long', async () => {
    const share = new FairShare()
    const order: string[] = []
    const busy = (name: string) => (): void => {
      order.push(name)
      for (const until = performance.now() + 6; performance.now() < until;);
    }
    for (const name of ['a', 'b', 'c']) share.inLine(busy(name))
    expect(share.isLine).toBe(true)
    for (let turn = 1; share.isLine; turn += 1) {
      await nextTurn()
      order.push(`turn ${turn}`)
    }
    expect(order).toEqual(['a', 'turn 1', 'b', 'turn 2', 'c', 'turn 3'])
  })

  it('puts who comes back behind the others', async () => {
    const share = new FairShare()
    const order: string[] = []
    share.inLine(() => {
      order.push('a')
      share.inLine(() => void order.push('a again'))
    })
    share.inLine(() => void order.push('b'))
    while (share.isLine) await nextTurn()
    expect(order).toEqual(['a', 'b', 'a again'])
  })
})
