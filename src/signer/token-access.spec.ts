import { describe, expect, it } from '@jest/globals'
import { sessionsOf } from './token-access.js'

describe('sessions of a signer', () => {
  it.each([
    [undefined, 3],
    ['2', 1],
    ['4', 3],
    ['12', 8],
  ])('of a process with %p threads leave one for everything else', (threads, sessions) => {
    expect(sessionsOf(threads === undefined ? {} : { UV_THREADPOOL_SIZE: threads })).toBe(sessions)
  })
})
