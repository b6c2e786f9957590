import { EntityReader } from './entity-reader.js';
import * as html from './html-bytes.js';
import { State } from './html-state.js';
import { NameBuffer, NAMES } from './name-buffer.js';
import { RUN_BYTES, runEnd } from './html-runs.js';
import { toLower } from './html-output.js';
import type { HtmlOutput } from './html-output.js';

/** Makes the forms of an HTML file byte by byte; the comments tell which rules were observed. */
export class HtmlMachine {
  readonly output: HtmlOutput;
  readonly #entity = new EntityReader();
  #state: State = State.skipSpace;
  #entityReturn: State = State.text;
  readonly #tag = new NameBuffer();
  readonly #attribute = new NameBuffer();
  #quote = 0;
  /** White space or `>` was met in a quoted value: it goes on as one without quotes (observed). */
  #isValueBroken = false;
  #isLinkOpen = false;
  #hasLink = false;
  #multibyte = 0;
  #multibyteCount = 0;
  /** Bytes beyond ASCII that ended a value: they come up again in the next one, in whatever tag (observed). */
  #held = 0;
  #heldCount = 0;

  constructor(output: HtmlOutput) {
    this.output = output;
  }

  /** One chunk as `html-chunks.ts` cuts them: white space at its start is lost (observed). */
  feed(chunk: Uint8Array): void {
    let start = 0;
    while (html.CLASS[chunk[start] ?? -1] === html.WHITE) start += 1;
    for (let index = start; index < chunk.length; index += 1) {
      const end = this.#takeRun(chunk, index);
      if (end > index) {
        index = end - 1;
        continue;
      }
      const byte = chunk[index] ?? 0;
      const kind = html.CLASS[byte] ?? 0;
      if (kind === html.LEFT_OUT) continue;
      if (kind === html.BEYOND_ASCII) {
        this.#multibyteByte(byte);
        continue;
      }
      if (this.#heldCount > 0) this.#takeHeld();
      if (this.#multibyteCount > 0) this.#endMultibyte(byte, kind);
      while (!this.#step(byte, kind));
    }
  }

  /** Takes the bytes that change nothing in the state all at once. @returns where they end */
  #takeRun(chunk: Uint8Array, start: number): number {
    const isInRun = RUN_BYTES[this.#state];
    if (isInRun === undefined || this.#multibyteCount > 0) return start;
    if (this.#state === State.quotedValue && this.#heldCount > 0) return start;
    const end = runEnd(chunk, start, isInRun);
    if (end === start || this.#state === State.declaration) return end;
    if (this.#state === State.text) this.output.plainTextRun(chunk, { start, end });
    else this.output.markupRun(chunk, { start, end });
    if (this.#isLinkOpen) this.output.linkRun(chunk, { start, end });
    return end;
  }

  /** The end of the file: bytes beyond ASCII right before it are lost, and a link as well (observed). */
  finish(): void {
    if (this.#state === State.entity && !this.#entity.isBareAtEnd) this.#finishEntity(true);
    if (this.#state === State.tagOpen) this.output.markup(html.LESS);
  }

  /** Takes the byte, or changes the state and returns false to have it looked at again. */
  #step(byte: number, kind: number): boolean {
    switch (this.#state) {
      case State.skipSpace:
        if (this.#hasLink) this.#writeLink();
        if (kind === html.WHITE) return true;
        return this.#goOn(State.text);
      case State.text:
        return this.#textByte(byte, kind);
      case State.tagOpen:
        return this.#tagOpenByte(byte, kind);
      case State.tagName:
        return this.#tagNameByte(byte, kind);
      case State.attributes:
        return this.#attributeByte(byte, kind);
      case State.valueStart:
        return this.#valueStartByte(byte, kind);
      case State.plainValue:
        return this.#plainValueByte(byte, kind);
      case State.quotedValue:
        return this.#quotedValueByte(byte, kind);
      case State.valueSpace:
        return kind === html.WHITE || this.#resumeValue(byte, kind);
      case State.declaration:
        if (byte === html.GREATER) this.#state = State.skipSpace;
        return true;
      case State.script:
      case State.scriptTagOpen:
      case State.scriptTagName:
        return this.#scriptByte(byte, kind);
      case State.scriptComment:
        if (kind !== html.WHITE)
          this.output.markup(byte === html.SINGLE_QUOTE ? html.DOUBLE_QUOTE : toLower(byte));
        if (byte === html.GREATER) this.#state = State.script;
        return true;
      case State.entity:
        return this.#entityByte(byte);
    }
  }

  #goOn(state: State): false {
    this.#state = state;
    return false;
  }

  #textByte(byte: number, kind: number): true {
    const { output } = this;
    if (kind === html.WHITE) {
      output.pendSpace();
      output.textSpace();
    } else if (byte === html.LESS) {
      output.flushSpace();
      output.textSpace();
      this.#state = State.tagOpen;
    } else if (byte === html.AMPERSAND) {
      output.flushSpace();
      output.textSpace();
      this.#beginEntity(State.text);
    } else output.bothForms(byte);
    return true;
  }

  #tagOpenByte(byte: number, kind: number): boolean {
    if (kind === html.WHITE) return true;
    if (byte === html.EXCLAMATION) {
      this.#state = State.declaration;
      return true;
    }
    this.#beginTag();
    return this.#goOn(State.tagName);
  }

  #beginTag(): void {
    this.output.markup(html.LESS);
    this.#tag.clear();
    this.#hasLink = false;
    this.#isLinkOpen = false;
  }

  #tagNameByte(byte: number, kind: number): boolean {
    if (byte === html.GREATER) return this.#endTag();
    if (kind === html.WHITE) {
      this.#attribute.clear();
      return this.#goOn(State.attributes);
    }
    const small = toLower(byte);
    this.output.markup(small);
    this.#tag.add(small);
    return true;
  }

  #attributeByte(byte: number, kind: number): boolean {
    const { output } = this;
    if (kind === html.WHITE) {
      output.pendSpace();
      this.#attribute.clear();
      return true;
    }
    if (byte === html.GREATER || byte === html.EQUALS) output.dropSpace();
    if (byte === html.GREATER) return this.#endTag();
    const small = toLower(byte);
    output.markup(small);
    if (byte === html.EQUALS) this.#state = State.valueStart;
    else this.#attribute.add(small);
    return true;
  }

  #valueStartByte(byte: number, kind: number): boolean {
    if (kind === html.WHITE) return true;
    if (byte === html.GREATER) return this.#endTag();
    this.#isLinkOpen = !this.#hasLink && this.#isLinkAttribute();
    if (this.#isLinkOpen) this.output.beginLink();
    this.#hasLink ||= this.#isLinkOpen;
    this.#isValueBroken = false;
    this.#quote = 0;
    if (!html.isQuote(byte)) return this.#goOn(State.plainValue);
    this.output.markup(html.DOUBLE_QUOTE);
    this.#quote = byte;
    this.#state = State.quotedValue;
    return true;
  }

  #isLinkAttribute(): boolean {
    return (
      (this.#tag.is(NAMES.a) && this.#attribute.is(NAMES.href)) ||
      (this.#tag.is(NAMES.img) && this.#attribute.is(NAMES.src))
    );
  }

  #plainValueByte(byte: number, kind: number): boolean {
    if (byte === html.GREATER || kind === html.WHITE) {
      if (this.#isValueBroken && this.#isLinkOpen) this.output.shortenLink();
      return byte === html.GREATER ? this.#endTag() : this.#endValue();
    }
    this.#valueByte(byte, State.plainValue);
    return true;
  }

  #quotedValueByte(byte: number, kind: number): boolean {
    if (byte === this.#quote) {
      this.output.markup(html.DOUBLE_QUOTE);
      this.output.pendSpace();
      this.#endValue();
      return true;
    }
    if (kind !== html.WHITE && byte !== html.GREATER) {
      this.#valueByte(byte, State.quotedValue);
      return true;
    }
    this.#plainByte(byte === html.LINE_FEED ? html.SPACE : byte);
    this.#isValueBroken = true;
    this.#state = State.valueSpace;
    return true;
  }

  #endValue(): false {
    this.#isLinkOpen = false;
    this.#attribute.clear();
    return this.#goOn(State.attributes);
  }

  #valueByte(byte: number, state: State): void {
    if (byte === html.AMPERSAND) this.#beginEntity(state);
    else this.#plainByte(byte);
  }

  #plainByte(byte: number): void {
    this.output.markup(byte === html.SINGLE_QUOTE ? html.DOUBLE_QUOTE : toLower(byte));
    if (this.#isLinkOpen) this.output.link(byte === html.SINGLE_QUOTE ? html.DOUBLE_QUOTE : byte);
  }

  #endTag(): true {
    this.output.dropSpace();
    this.output.markup(html.GREATER);
    this.#isLinkOpen = false;
    this.#state = this.#tag.is(NAMES.script) || this.#tag.is(NAMES.style) ? State.script : State.skipSpace;
    return true;
  }

  #writeLink(): void {
    this.#hasLink = false;
    this.output.writeLink();
  }

  /** White space is dropped whole; `</script` ends both kinds, `</style` the second only (observed). */
  #scriptByte(byte: number, kind: number): boolean {
    if (
      this.#state === State.scriptTagName &&
      (kind === html.WHITE || byte === html.GREATER || byte === html.LESS)
    ) {
      const isEnd =
        this.#attribute.is(NAMES.endScript) ||
        (this.#attribute.is(NAMES.endStyle) && this.#tag.is(NAMES.style));
      if (!isEnd) return this.#goOn(State.script);
      if (byte === html.GREATER) this.output.markup(html.GREATER);
      this.#state = State.skipSpace;
      return byte !== html.LESS;
    }
    if (kind === html.WHITE) return true;
    if (byte === html.AMPERSAND && this.#state !== State.scriptTagOpen) {
      this.#beginEntity(State.script);
      return true;
    }
    const small = byte === html.SINGLE_QUOTE ? html.DOUBLE_QUOTE : toLower(byte);
    this.output.markup(small);
    if (this.#state === State.script) {
      if (byte !== html.LESS) return true;
      this.#attribute.clear();
      this.#state = State.scriptTagOpen;
      return true;
    }
    this.#attribute.add(small);
    const isComment = this.#state === State.scriptTagOpen && byte === html.EXCLAMATION;
    this.#state = isComment ? State.scriptComment : State.scriptTagName;
    return true;
  }

  #beginEntity(returnTo: State): void {
    this.#entity.begin();
    this.#entityReturn = returnTo;
    this.#state = State.entity;
  }

  #entityByte(byte: number): boolean {
    const step = this.#entity.feed(byte);
    if (step === 'more') return true;
    this.#finishEntity(false);
    return step === 'ended';
  }

  #finishEntity(isAtEnd: boolean): void {
    this.#state = this.#entityReturn;
    this.#entity.finish((byte, linkByte) => {
      this.output.markup(byte);
      if (this.#isLinkOpen && linkByte >= 0) this.output.link(linkByte);
    }, isAtEnd);
  }

  /** Among text and in values they are taken in threes; in names they stand for themselves. */
  #multibyteByte(byte: number): void {
    this.#settleBeforeMultibyte();
    if (this.#heldCount > 0) this.#takeHeld();
    if (this.#state === State.declaration) return;
    if (
      this.#state === State.scriptComment ||
      this.#state === State.tagName ||
      this.#state === State.attributes
    ) {
      this.output.markup(byte);
      return;
    }
    if (this.#state === State.scriptTagOpen) {
      this.output.markup(byte);
      this.#state = State.script;
      return;
    }
    if (this.#multibyteCount === 3) this.#flushMultibyte();
    this.#multibyte = (this.#multibyte << 8) | byte;
    this.#multibyteCount += 1;
  }

  #settleBeforeMultibyte(): void {
    if (this.#state === State.entity) this.#finishEntity(false);
    if (this.#state === State.tagOpen) {
      this.#beginTag();
      this.#state = State.tagName;
    }
    if (this.#state === State.skipSpace) {
      if (this.#hasLink) this.#writeLink();
      this.#state = State.text;
    }
    if (this.#state === State.valueStart) this.#goOn(State.plainValue);
    if (this.#state === State.valueSpace) this.#goOn(State.plainValue);
    if (this.#state === State.text) this.output.flushSpace();
  }

  #isInValue(): boolean {
    return this.#state === State.plainValue || this.#state === State.quotedValue;
  }

  #takeHeld(): void {
    if (!this.#isInValue()) return;
    this.#multibyte = this.#held;
    this.#multibyteCount = this.#heldCount;
    this.#heldCount = 0;
  }

  #resumeValue(byte: number, kind: number): false {
    this.#state = State.plainValue;
    if (this.#heldCount > 0) this.#takeHeld();
    if (this.#multibyteCount > 0) this.#endMultibyte(byte, kind);
    return false;
  }

  #endMultibyte(next: number, kind: number): void {
    if (this.#isInValue() && (kind === html.WHITE || next === html.GREATER || html.isQuote(next))) {
      this.#held = this.#multibyte;
      this.#heldCount = this.#multibyteCount;
      this.#multibyte = 0;
      this.#multibyteCount = 0;
    } else this.#flushMultibyte();
  }

  #flushMultibyte(): void {
    const bytes = this.#multibyte;
    const count = this.#multibyteCount;
    this.#multibyte = 0;
    this.#multibyteCount = 0;
    if (count === 3 && html.isFullStop(bytes)) {
      this.output.markup(html.FULL_STOP);
      if (this.#isLinkOpen) this.output.link(html.FULL_STOP);
      if (this.#state === State.text) this.output.text(html.FULL_STOP);
      return;
    }
    for (let shift = (count - 1) * 8; shift >= 0; shift -= 8) {
      this.output.markup((bytes >> shift) & 0xff);
      if (this.#isLinkOpen) this.output.link((bytes >> shift) & 0xff);
    }
    const isText =
      this.#state === State.text || this.#state === State.script || this.#state === State.scriptTagName;
    if (isText) this.output.textMultibyte(bytes, count);
  }
}
