/** One way in which a text tries to be more than data. */
export interface ScreeningRule {
  name: string
  /** Repetitions are bounded, so that no text takes more than linear time. Matched against folded text: lower case, no invisible characters. */
  patterns: readonly RegExp[]
}

/** Rules over what a text says. English and Chinese; what they do not know goes through, and is framed as data all the same. */
export const SCREENING_RULES: readonly ScreeningRule[] = [
  {
    name: 'override',
    patterns: [
      /\b(?:ignore|disregard|forget|override|bypass|discard|overrule|do not follow|don't follow|stop following)\b[^.!?\n]{0,40}\b(?:previous|prior|above|earlier|preceding|existing|original|all|any|your|system|other)\b[^.!?\n]{0,30}\b(?:instructions?|rules?|prompts?|guidelines?|directions?|directives?|constraints?|safety|policy|policies|guardrails?)\b/u,
      /\b(?:new|updated|real|actual|revised|secret|hidden|additional)\s+(?:system\s+)?(?:instructions?|directives?|orders?)\s{0,3}(?:for (?:you|the (?:ai|assistant|model))\b|[:：])/u,
      /(?:忽略|无视|忘记|忘掉|不要理会|不必遵守|不要遵守|绕过|抛弃|推翻|停止遵循)[^。！？\n]{0,16}(?:指令|指示|提示词?|规则|要求|设定|限制|约束|准则|命令)/u,
      /(?:新的?|真正的|最新的?|隐藏的?)(?:系统)?(?:指令|指示|命令)(?:如下|是|[:：])/u,
    ],
  },
  {
    name: 'persona',
    patterns: [
      /\byou are now\b(?! (?:ready|able|logged|subscribed|connected|registered|leaving|entering|in |on |at ))|\bfrom now on,? you (?:are|will|must|shall|should|have to|always|never|only)\b/u,
      /\b(?:act|behave|respond|reply|answer) as (?:if you (?:are|were|have)|an? (?:unrestricted|unfiltered|uncensored|evil|jailbroken|different ai|root|system administrator|dan\b|linux terminal))/u,
      /\bpretend (?:to be|that you are|you are) (?:an? )?(?:ai|assistant|model|system|unrestricted|the user|admin|developer)/u,
      /\b(?:developer|god|dan|jailbreak|sudo|admin|debug|unrestricted) mode (?:is )?(?:now )?(?:on|enabled|activated|engaged)\b|\benter (?:developer|god|dan|jailbreak|unrestricted) mode\b/u,
      /(?:从现在(?:开始|起)|现在起|接下来)[，,]?\s{0,2}你(?:是|必须|要|只能|将|应该|不再)|你现在(?:是|扮演|变成|不再)|请?(?:扮演|假装(?:你)?是|充当)(?:一个)?(?:没有|不受|无)(?:任何)?(?:限制|约束|过滤)/u,
      /(?:进入|开启|启用|切换到)(?:开发者|越狱|上帝|无限制|管理员|调试)模式/u,
    ],
  },
  {
    name: 'to_the_model',
    patterns: [
      /\b(?:attention|note to|message (?:to|for)|instructions? (?:to|for)|important:? ?(?:to)?)\s{0,3}(?:the |any |all |every )?(?:ai|assistants?|llms?|language models?|chatbots?|agents?|model)s?\b(?: (?:reading|processing|summari[sz]ing|that|who|which)\b|\s{0,2}[:：,])/u,
      /\b(?:ai|assistant|llm|language model|model|chatbot|agent)s?\s{0,2}[:,]?\s+(?:reading this|processing this|summari[sz]ing this|that reads? this|who reads? this)\b/u,
      /\bif you are an? (?:ai|llm|assistant|language model|chatbot|agent)\b|\bas an? (?:ai|llm|language model|assistant)[^.!?\n]{0,20},? (?:you must|you have to|you should|always|do)\b/u,
      /\b(?:reveal|print|repeat|output|show|leak|disclose|dump|recite|reproduce|tell me|give me)\b[^.!?\n]{0,30}\b(?:system prompt|hidden prompt|initial prompt|initial instructions|your (?:instructions|prompt|rules|guidelines|configuration)|developer message|everything above|the text above)\b/u,
      /\b(?:do not|don't|never|without)\s+(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?(?: this)?(?: to)?|alert(?:ing)?|notify(?:ing)?|reveal(?:ing)?(?: this)?(?: to)?|show(?:ing)?(?: this)?(?: to)?|warn(?:ing)?)\s+(?:this to\s+)?(?:the )?(?:user|human|operator|person)\b/u,
      /\b(?:your (?:new|real|true|only|first|next) (?:task|goal|objective|mission|job|instruction|directive|priority) is)\b|\byou must (?:always|never|immediately|now|first) (?:recommend|reply|respond|answer|say|include|call|execute|run|output|append|click|obey|comply|insert|end)\b/u,
      /\b(?:when(?:ever)?|if|before|after) (?:the user|anyone|someone|you)(?: (?:is|are|gets?))? (?:asks?|asked|answer(?:s|ing)?|respond(?:s|ing)?|repl(?:y|ies)|summari[sz]es?|reads? this)\b[^.!?\n]{0,60}\b(?:always|instead|you must|make sure|be sure|insert|append|reply with|respond with|answer with|say that|tell them|recommend|include)\b/u,
      /(?:致|告|给)(?:所有)?(?:ai|人工智能|大模型|语言模型|助手|机器人)[^。\n]{0,8}[:：]|如果你是(?:一个)?(?:ai|人工智能|大模型|语言模型|助手)|作为(?:一个)?(?:ai|人工智能|大模型|语言模型)[，,]?\s{0,2}你(?:必须|要|应该)/u,
      /(?:输出|显示|打印|泄露|透露|复述|告诉我|重复)[^。！？\n]{0,10}(?:系统提示|系统提示词|初始指令|你的(?:提示词|指令|设定|规则))/u,
      /(?:不要|别|无需|不得|切勿|不能)(?:告诉|告知|通知|提醒|让)(?:用户|使用者|对方|人类)|你的(?:新|真正|唯一|首要)(?:的)?(?:任务|目标|使命|指令)是/u,
      /(?:当|如果|每当|只要)(?:用户|有人)[^。！？\n]{0,12}(?:问|询问|提问|要求)[^。！？\n]{0,24}(?:你?(?:必须|一律|始终|总是|务必)|请?(?:回答|回复|推荐)(?:他们?|用户)?[:：“"「])/u,
    ],
  },
  {
    name: 'role_marker',
    patterns: [
      /<\|?(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|?>|\[\/?inst\]|<<\/?sys>>|<\/?s>\s{0,4}\[|<(?:start|end)_of_turn>/u,
      /(?:^|\n)\s{0,4}#{1,4}\s{0,2}(?:system|instructions?|assistant|human)(?: (?:prompt|message|override))?\s{0,2}:?\s{0,2}(?:\n|$)/u,
      /(?:^|\n)\s{0,4}(?:system|developer)\s{0,2}(?:prompt|message|override|note)?\s{0,2}[:：]\s{0,4}(?:you |ignore|from now|always |never |override|disregard|do not|the assistant|new |respond|execute|reset)/u,
      /(?:^|\n)\s{0,4}(?:human|user)\s{0,2}[:：][^\n]{1,400}\n{1,2}\s{0,4}(?:assistant|ai)\s{0,2}[:：]/u,
      /<\/?(?:system|system[-_ ]prompt|instructions?|developer|assistant|admin[-_]override|context|memory|untrusted|data)>|(?:begin|end) (?:of )?(?:system|context|memory|data|untrusted)(?: (?:prompt|message|section|data))?\s{0,2}(?:-{2,}|={2,}|\])/u,
      /(?:^|\n)\s{0,4}(?:【|\[)?(?:系统|系统提示|系统消息|系统指令|开发者)(?:】|\])?\s{0,2}[:：]\s{0,4}(?:你|忽略|从现在|请|必须|不要|新|执行|重置)/u,
    ],
  },
  {
    name: 'tool_call',
    patterns: [
      /<\/?(?:tool_call|tool_use|tool_result|tools?|function_calls?|function_results|invoke|antml:[a-z_]+|function=[^>]{1,40})\b[^>]{0,80}>/u,
      /["'](?:tool_calls?|function_call|tool_use|tool_name)["']\s{0,4}:|["'](?:name|function|action|tool)["']\s{0,4}:\s{0,4}["'][\w.:-]{1,64}["']\s{0,4},\s{0,4}["'](?:arguments|parameters|args|input|action_input)["']\s{0,4}:/u,
      /(?:^|\n)\s{0,4}(?:action|tool)\s{0,2}:\s{0,2}[\w.-]{2,64}\s{0,4}\n\s{0,4}(?:action )?(?:input|args|arguments)\s{0,2}:/u,
      /\b(?:call|invoke|use|run|execute|trigger)\s+(?:the |your )?[`"']?[\w.-]{2,40}[`"']?\s+(?:tool|function|plugin|api|command)\b[^.!?\n]{0,40}\b(?:with|to (?:delete|send|read|fetch|transfer|write|exfiltrate|remove|post|email|execute|open))\b[^.!?\n]{0,60}(?:\/|@|"|'|\ball\b|\bevery\b|\bpassword|\bkeys?\b|\btokens?\b|\bcontents?\b|\bfiles?\b)/u,
      /(?:调用|使用|执行|运行)[^。！？\n]{0,12}(?:工具|函数|插件|接口|命令)[^。！？\n]{0,16}(?:删除|发送|读取|转账|上传|写入|执行|清空)/u,
      /\b(?:curl|wget)\b[^\n]{0,200}\|\s{0,4}(?:ba|z)?sh\b|\brm -rf [/~]|\b(?:eval|exec)\(\s{0,4}(?:atob|base64|fetch|requests)/u,
    ],
  },
  {
    name: 'exfiltration',
    patterns: [
      /!\[[^\]\n]{0,80}\]\(\s{0,2}(?:https?:)?\/\/[^)\s]{1,200}[?&][^)\s]{0,100}=[^)\s]{0,40}(?:\{|\$|<|%7b|\[)/u,
      /!\[[^\]\n]{0,80}\]\(\s{0,2}(?:https?:)?\/\/[^)\s]{1,200}[?&](?:q|d|data|c|chat|conversation|history|context|secret|token|key|prompt|memory|leak|exfil|msg|payload)=/u,
      /\b(?:https?:\/\/|www\.)[^\s)"']{1,200}(?:\{\{|\$\{|<)(?:[a-z_. -]{0,40}(?:secret|token|key|password|conversation|history|context|prompt|memory|data|email|user|chat|answer))/u,
      /\b(?:send|post|upload|forward|e-?mail|transmit|exfiltrate|leak|submit|copy|deliver)\b[^.!?\n]{0,80}\b(?:passwords?|api[ _-]?keys?|credentials?|tokens?|secrets?|conversation|chat (?:history|log)|memor(?:y|ies)|system prompt|private (?:data|keys?|notes)|contacts|environment variables|user(?:'s)? (?:data|details|e-?mails?|messages|files))\b[^!?\n]{0,60}\b(?:to|at|via)\b\s{0,3}(?:https?:\/\/|[\w.+-]{1,64}@|the (?:following|address|url|server|endpoint|webhook)|this (?:address|url|server|endpoint|webhook)|[a-z0-9-]{1,60}\.(?:com|net|org|io|xyz|example|test|evil|dev))/u,
      /(?:把|将)[^。！？\n]{0,24}(?:密码|密钥|令牌|凭证|对话|聊天记录|记忆|系统提示|隐私|通讯录|邮件|个人信息|环境变量)[^。！？\n]{0,16}(?:发送?|上传|提交|转发|寄|泄露|附加?)(?:到|至|给|在)?/u,
      /\b(?:append|add|insert|include|embed|encode)\b[^.!?\n]{0,60}\b(?:conversation|history|secrets?|passwords?|user(?:'s)? (?:name|email|data|question)|api[ _-]?keys?|answer|context)\b[^.!?\n]{0,40}\b(?:to|in|into|as)\b[^.!?\n]{0,30}\b(?:url|link|query(?: string)?|image|request|parameter)\b/u,
    ],
  },
]
