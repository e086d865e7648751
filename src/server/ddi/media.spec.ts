import { expect, it } from '@jest/globals'
import { chooseMedia } from './media.js'

it.each([
  [undefined, 'application/hal+json'],
  ['', 'application/hal+json'],
  ['*/*', 'application/hal+json'],
  ['application/json', 'application/json'],
  ['application/json;charset=UTF-8', 'application/json'],
  ['application/cbor', 'application/cbor'],
  ['application/json;q=0.5, application/cbor', 'application/cbor'],
  ['application/*;q=0.2, application/hal+json;q=0', 'application/json'],
  ['text/html, */*;q=0.1', 'application/hal+json'],
  ['text/html', null],
  ['application/json;q=0', null],
  ['application/octet-stream', null],
])('of Accept %j the answer is %j', (accept, media) => {
  expect(chooseMedia(accept)).toBe(media)
  // The second time from memory.
  expect(chooseMedia(accept)).toBe(media)
})
