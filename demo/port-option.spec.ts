import { expect, it } from '@jest/globals'
import { readPort } from './port-option.js'

it.each([
  [undefined, {}],
  ['0', {}],
  ['8080', { port: 8080 }],
])('takes %s', (text, expected) => {
  expect(readPort(text)).toEqual(expected)
})

it.each(['', '-1', '65536', '80a', '080'])('refuses "%s"', (text) => {
  const detail = { name: '--port', why: `${text}: not a number from 0 to 65535` }
  expect(() => readPort(text)).toThrow(expect.objectContaining({ code: 'CONFIGURATION', detail }))
})
