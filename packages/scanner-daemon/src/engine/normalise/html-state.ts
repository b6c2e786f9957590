/** Where in the markup the next byte stands. */
export const State = {
  /** White space that is dropped: at the start and behind a tag. */
  skipSpace: 0,
  text: 1,
  /** Right behind `<`. */
  tagOpen: 2,
  tagName: 3,
  attributes: 4,
  valueStart: 5,
  plainValue: 6,
  quotedValue: 7,
  /** From `<!` to the next `>`, whatever stands there: comments too end at the first one. */
  valueSpace: 8,
  declaration: 9,
  /** Inside `<script>` or `<style>`. */
  script: 10,
  scriptTagOpen: 11,
  scriptTagName: 12,
  /** From `<!` to the next `>` inside a script: no references there, and no end of the script. */
  scriptComment: 13,
  entity: 14,
} as const;

/** One of them. */
export type State = (typeof State)[keyof typeof State];
