import type { Intent, NeedReason } from '../../../schemas/memory-call.ts'

const SMALL_TALK =
  /^[\s\p{P}\p{S}]*(?:(?:hi|hello|hey|yo|howdy|greetings)(?: there| again| everyone)?|good (?:morning|afternoon|evening|night|day)|thanks?(?: you)?(?: so much| a lot| very much)?(?: for (?:your|the) help)?|thx|ok(?:ay)?|cool|great|nice|awesome|perfect|got it|i see|sounds good|sure|yes|yeah|yep|no|nope|bye|goodbye|see you(?: later| soon)?|how are you(?: doing| today)?|what'?s up|lol|haha+|well done|never ?mind|you'?re welcome|who are you|are you there|test(?:ing)?|tell me a joke|你好|您好|嗨|早上好|下午好|晚上好|早安|晚安|谢谢(?:你|您|啦)?|多谢|好的?|嗯+|行|知道了|明白了?|收到|再见|拜拜|在吗|你是谁|哈哈+|没事了?|不客气|辛苦了|最近怎么样|你好吗|讲个笑话)[\s\p{P}\p{S}]*$/iu
const ARITHMETIC =
  /^\s*(?:what(?:'s| is)|how much is|calculate|compute|solve|evaluate|计算|算一下|求)?\s*[-+(\d√][\d\s.,+*/x×÷^%()=-]*(?:(?:plus|minus|times|divided by|squared|percent of|% of|加|减|乘以?|除以|等于|的平方)[\d\s.,]*)*(?:是多少|等于(?:多少|几))?\s*[?？=]*\s*$/i
/** Work on text that stands in the prompt, or on nothing in particular. */
const GENERAL_TASK =
  /^\s*(?:(?:can|could|would) you |please |pls )*(?:translate\b|rewrite\b|rephrase\b|proofread\b|paraphrase\b|convert (?:\d|this)|(?:write|implement|code|generate|create) (?:me )?(?:a|an|some|the) (?:\w+[ -]){0,3}(?:function|script|program|poem|haiku|story|class|query|regex|regular expression|sql|joke|song|limerick|unit tests?|sonnet|loop|algorithm|component)\b|fix (?:this|the following)|refactor\b|debug\b|sort (?:this|these|the following)|format (?:this|the following)|(?:remove|delete|sort|reverse|merge|split|parse|count|read|loop)\b.{0,60}\b(?:in|using|with) (?:python|java|javascript|typescript|sql|bash|excel|rust|go|c\+\+|pandas|git)\b)|^\s*(?:请|帮我)?.{0,2}(?:翻译|润色|改写|校对|写(?:一?[个首段篇条])(?:.{0,8})(?:函数|脚本|程序|诗|故事|代码|正则|笑话|歌))/i
const GENERAL_KNOWLEDGE =
  /^\s*(?:what|who|where|when|which|how|why|explain|define|describe|tell me about|name|is|are|do|does|can)\b/i
const CHINESE_QUESTION = /什么|谁|哪|怎么|为什么|如何|多少|几|吗|解释|介绍|是不是/
/** The prompt speaks of the one who asks, or of those who talk. */
const PERSONAL = /\b(?:i|i'm|i've|i'd|i'll|me|my|mine|myself|we|we're|we've|our|ours|us)\b|我|咱|俺/i
const ADDRESSED =
  /\b(?:did|do|have|had|were) you\b|\byou (?:said|told|mentioned|suggested|recommended|know|remember|promised|wrote|gave)\b|你(?:说过|告诉|提到|还?记得|知道我|建议|推荐|答应)/i
const PAST =
  /\b(?:remember(?:ed)? (?:when|what|who|where|how|the)|last time|earlier|previous(?:ly)?|before|ago|again|mentioned|discussed|talked|agreed|decided|promised|told|said|conversation|meeting notes|so far|back then|used to)\b|上次|之前|以前|提到|说过|聊过|讨论|决定|答应|曾经|记录|过去/i
/** Things of the wide world that questions ask for: names there belong to encyclopaedias. */
const ENCYCLOPAEDIC =
  /\b(?:capital|population|currency|president|prime minister|invented?|inventor|discovered|wrote the|author of|painted|boiling point|melting point|distance|planet|chemical|formula|theorem|law of|history of|meaning of|definition|synonym|antonym|plural of|largest|tallest|longest|fastest|speed of light|photosynthesis|world war|who won|founded in|located|official language|square root|prime number|time complexity|difference between (?:a|an|tcp|http|let|null)|how does (?:a|an|the) \w+ work|how (?:do|does) .* work|what (?:is|are) (?:a|an|the) (?:[a-z]+)(?: [a-z]+)?\s*\??$|python|javascript|sql|css|html|regex)\b|首都|人口|货币|总统|发明|发现了|作者是|沸点|面积|最[大高长快]的|定理|公式|历史|近义词|反义词|什么意思|原理|光速|二战|官方语言|是什么意思|的区别/i

export interface NeedFacts {
  intent: Intent
  hasWindow: boolean
  entities: readonly string[]
  /** The prompt leans on the turns before it. */
  isFollowUp: boolean
}

/** Whether a prompt needs memory at all, and why. In doubt it does: a search too many costs little, an answer from nowhere misleads. */
export function needOf(prompt: string, { intent, hasWindow, entities, isFollowUp }: NeedFacts): NeedReason {
  if (SMALL_TALK.test(prompt)) return 'small_talk'
  if (ARITHMETIC.test(prompt)) return 'arithmetic'
  const isPersonal = PERSONAL.test(withoutCourtesy(prompt)) || ADDRESSED.test(prompt)
  if (GENERAL_TASK.test(prompt) && !isPersonal) return 'general_task'
  if (intent === 'remember' || intent === 'update' || intent === 'forget') return 'changes_memory'
  if (isFollowUp) return 'follow_up'
  if (isPersonal) return 'personal'
  const isQuestion = GENERAL_KNOWLEDGE.test(prompt) || CHINESE_QUESTION.test(prompt)
  if (ENCYCLOPAEDIC.test(prompt) && isQuestion) return 'general_knowledge'
  if (hasWindow || PAST.test(prompt)) return 'past'
  if (entities.length > 0) return 'names_entity'
  return 'unclear'
}

export const isNeeded = (reason: NeedReason): boolean =>
  reason !== 'small_talk' && reason !== 'arithmetic' && reason !== 'general_task' && reason !== 'general_knowledge'

/** `tell me`, `can I ask`, `帮我`: words of courtesy, not of the one who asks. */
const withoutCourtesy = (prompt: string): string =>
  prompt.replace(
    /\b(?:tell|show|give|write|teach|help|explain to|let) (?:me|us)\b|\bremind me (?:what|who|how)\b|\b(?:can|could|may) i ask\b|\blet's\b|帮我|告诉我|给我|请我/gi,
    ' ',
  )
