import { describe, expect, it } from 'vitest'
import { markWord, soughtWords, wordsOf } from '../../../node/core/search/words.ts'

const words = (text: string): string[] => wordsOf(text).toSorted()
const sought = (text: string): string[] => soughtWords(text).map(({ word }) => word)

describe('wordsOf', () => {
  it('folds case, accents, ligatures and letters that have no accent to take off', () => {
    expect(words('Élève NAÏVE œuvre Straße Łódź smørrebrød')).toEqual([
      'eleve',
      'lodz',
      'naive',
      'oeuvre',
      'smorrebrod',
      'strasse',
    ])
    expect(words('Ёлка и йога')).toEqual(['елка', 'и', 'иога'].toSorted())
    expect(words('Άνοιξη ΟΔΟΣ οδος')).toEqual(['ανοιξη', 'οδοσ'].toSorted())
    expect(words('İstanbul ılık')).toEqual(['ilik', 'istanbul'])
  })

  it('takes full-width letters and ligatures for plain ones', () => {
    expect(words('ＡＢＣ ﬁne')).toEqual(['abc', 'fine'])
  })

  it('keeps vowel signs that are no accents', () => {
    expect(words('हिन्दी')).toEqual(['हिन्दी'.normalize('NFC')])
    expect(words('がか')).toEqual(['か', 'が', 'がか'].toSorted())
  })

  it('knows Hebrew and Arabic without points', () => {
    expect(words('שָׁלוֹם')).toEqual(['שלום'])
    expect(words('مُحَمَّـد')).toEqual(['محمد'])
  })

  it('has each letter and each pair of neighbours where words are not set apart', () => {
    expect(words('東京都')).toEqual(['東', '京', '都', '東京', '京都'].toSorted())
    expect(words('ラーメン')).toContain('ラー')
    expect(words('서울에서')).toContain('서울')
    expect(words('A棟')).toEqual(['a', '棟'])
  })

  it('splits at everything that is no letter or digit, and cuts what is very long', () => {
    expect(words('one—two;three\nfour_five "x" AND *')).toEqual([
      'and',
      'five',
      'four',
      'one',
      'three',
      'two',
      'x',
    ])
    expect(words('a'.repeat(100))).toEqual(['a'.repeat(32)])
    expect(words(' .,!? ')).toEqual([])
  })
})

describe('soughtWords', () => {
  it('means beginnings from three letters on, and whole words below', () => {
    expect(soughtWords('cat is')).toEqual([
      { word: 'cat', isBeginning: true },
      { word: 'is', isBeginning: false },
    ])
  })

  it('looks for one letter, or for pairs, where words are not set apart', () => {
    expect(sought('猫')).toEqual(['猫'])
    expect(sought('東京都')).toEqual(['東京', '京都'])
  })

  it('finds what was kept, whatever the accents', () => {
    const kept = wordsOf('Fahrräder, Łódź, 東京タワー')
    for (const one of [...sought('fahrrader'), ...sought('lodz'), ...sought('京タ')])
      expect(kept).toContain(one)
  })
})

describe('markWord', () => {
  it('makes words of fields that no text can have', () => {
    expect(wordsOf(markWord('city', 'bonn'))).toEqual(['bonn'])
    expect(markWord('city', 'bonn')).not.toBe(markWord('region', 'bonn'))
  })
})
