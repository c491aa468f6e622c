"""What agents, users and tools say again and again: only ever trained with."""

SAYINGS = tuple(
    line.strip()
    for line in """
I'll search for the information you asked for.
Let me check the details of your order first.
Let me look at the file to understand how it works.
Based on the search results, here is a summary of what I found:
I need to find out more about this before I can answer the question.
According to the documentation, this function should return a list of results.
Thank you for providing the information. I have found your account.
Here's what I found: the following items are available.
I'm sorry, but I don't have access to that information at the moment.
It looks like there was an error while processing your request. Please try again later.
The user wants to know how to change the address of the order.
Next, I will compare the results and write a report.
The next step is to verify that the changes have been made successfully.
The tool returned an error, so I will try a different approach.
No results were found for your query. Would you like me to try something else?
Is there anything else I can help you with today?
Could you please confirm the order number and your email address?
Could you please provide your full name and zip code so that I can look up your account?
You are a helpful assistant. Answer the questions of the user with the tools that are available.
You are an expert software engineer. Think step by step and use the tools when necessary.
Do not make up any information. If you do not know the answer, say so.
Your task is to solve the problem that is described below. You can use the following tools:
The maximum number of results to return. Default is 10.
The name of the file to read, as an absolute path.
The search query. Use specific keywords to get better results.
The unique identifier of the customer, for example 'customer_1234'.
Returns a list of objects with the following fields: id, name, status and created_at.
Error: user not found. Error: order not found. Error: payment method not found.
Permission denied: you are not allowed to access this resource.
Rate limit exceeded, please retry after 20 seconds.
No such file or directory: the file does not exist or has been removed.
The request timed out after 30 seconds. Connection refused by the server.
The total amount will be refunded to your original payment method within 5 to 7 business days.
Once you confirm, I will proceed with the cancellation of your reservation.
The flight from New York to San Francisco departs at 10:30 and arrives at 14:45.
I would like to return some of the items that I bought last week, because they do not fit.
Yes, that is correct. Please go ahead with the exchange. Thank you so much for your help!
In order to complete this task, we need to do the following things:
However, there are some limitations that should be taken into account.
For example, if the value is None, the function should raise a ValueError.
This means that the first one is more important than the others.
As a result, the average has increased by about 12% compared to the previous year.
On the other hand, it is possible that the data is not complete.
In conclusion, the most relevant sources are listed in the table below.
Overall, the test results show that the new version works as expected.
I have updated the code so that it handles this case, and all tests are passing now.
The problem is caused by a missing import at the top of the module.
First, let me run the tests to see what is failing. Then I will fix the issue.
import json; from typing import Any; import os; import numpy as np; import pandas as pd
def main() -> None: parser = argparse.ArgumentParser(); args = parser.parse_args(); return result
for item in items: if item is not None: results.append(item); raise ValueError(f"unknown {
SELECT id, name, created_at FROM users WHERE status = 'active' ORDER BY created_at DESC LIMIT 10
curl -X POST https://api.example.com/v1/ -H "Content-Type: application/json"
Authorization: Bearer
{"status": "success", "data": {"id": 1, "type": "object", "properties": {}}, "error": null}
https://www.example.com/ https://github.com/ https://en.wikipedia.org/wiki/ https://docs.python.org/3/
exitcode: 0 (execution succeeded) Code output: stdout stderr Process finished with exit code 1
There is no need to do anything else. The task has been completed. TERMINATE
""".strip().splitlines()
)
