import { describe, expect, it } from 'vitest'
import { fileNameOf } from './oversight'

describe('fileNameOf', () => {
  it('prefers the name in UTF-8', () => {
    const header = `attachment; filename="evidence.zip"; filename*=UTF-8''${encodeURIComponent('证据包-1.zip')}`
    expect(fileNameOf(header)).toBe('证据包-1.zip')
  })
  it('takes the plain name otherwise', () => expect(fileNameOf('attachment; filename="a.zip"')).toBe('a.zip'))
  it('knows none without a header', () => expect(fileNameOf(null)).toBeNull())
  it('bears a damaged name', () => expect(fileNameOf("attachment; filename*=UTF-8''%E0%A4")).toBeNull())
})
